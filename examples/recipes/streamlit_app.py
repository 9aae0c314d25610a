"""Streamlit: order a video, and see it when it is done, however often the page is run again.

    pip install ".[fal]" streamlit
    FAL_KEY=… streamlit run examples/recipes/streamlit_app.py

Streamlit runs the whole script again with each click, and ends what still runs. So the order is
submitted once, and its token kept in the session.
"""

from __future__ import annotations

import streamlit as st

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
    submit_video,
)

CONFIG = VideoGenerationConfig(
    provider="fal", model="fal-ai/veo3.1", on_timeout="detach", untrusted_requests=True
)


@st.fragment(run_every=3)
def watch() -> None:
    """Look at the job every three seconds, without the rest of the page."""
    try:
        update = VideoJob.from_token(st.session_state["token"], CONFIG).status()
    except TarashException as error:
        st.warning(f"No news: {error}")
        return

    if update.result is not None:
        media = update.result.video
        st.video(media if isinstance(media, str) else media["content"])
    elif update.status == "failed":
        st.error(update.error or "It has failed.")
    else:
        st.info(f"{update.status}, {update.progress_percent or 0:.0f} %")


with st.form("order"):
    prompt = st.text_input("What to make")
    if st.form_submit_button("Make it"):
        try:
            order = VideoGenerationRequest(prompt=prompt)
            st.session_state["token"] = submit_video(CONFIG, order).to_token()
        except (TarashException, ValueError) as error:
            st.error(str(error))

if "token" in st.session_state:
    watch()
