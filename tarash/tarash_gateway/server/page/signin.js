// Exchanges a key for a session. The key goes to the server once, and stays nowhere on this page.

import { post } from "./api.js";
import { field, fill, h } from "./dom.js";

export function signIn(place, reason, entered) {
  const key = h("input", {
    type: "password", name: "key", autocomplete: "current-password", required: true, spellcheck: "false",
    autocapitalize: "off", maxlength: "300",
  });
  const button = h("button", { class: "first", type: "submit" }, "Sign in");
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const form = h("form", { class: "door", method: "post", novalidate: true, "aria-labelledby": "door-title" },
    h("img", { src: "page/icon.svg", alt: "", width: 44, height: 44 }),
    h("h1", { id: "door-title" }, "Tarash Gateway"),
    h("p", { class: "lead" }, reason || "Compare video and image models side by side."),
    field("Key", key, { hint: "The admin key that the server printed when it started, or a key that you were given." }),
    trouble, button);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!key.value.trim()) {
      refuse("Enter a key first.");
      return;
    }
    button.disabled = true;
    trouble.hidden = true;
    try {
      const session = await post("api/session", { key: key.value.trim() });
      key.value = "";
      entered(session);
    } catch (error) {
      refuse(error.message);
    } finally {
      button.disabled = false;
    }
  });

  function refuse(text) {
    trouble.textContent = text;
    trouble.hidden = false;
    key.setAttribute("aria-invalid", "true");
    key.focus();
    key.select();
  }

  fill(place, form);
  key.focus();
}
