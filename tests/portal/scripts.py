"""Scripts that the portal's tests run in a process of their own; the simulator is in the parent."""

from __future__ import annotations

PRELUDE = """
import asyncio, logging, os, signal, sys, threading, time, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts us may ignore it
from tarash.tarash_gateway import *
config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", poll_interval=0.1)
request = VideoGenerationRequest(prompt="A cat")
"""

IDLE_EXIT = "print(generate_video(config, request).status)"

BUSY_EXIT = """
started = threading.Event()

def work():
    generate_video(config, request, lambda update: started.set())

threading.Thread(target=work, daemon=True).start()
started.wait(100)
print("leaving")
"""

STANDING_LOOP = """
import contextlib
logging.getLogger("asyncio").disabled = True  # which tells of a task that is thrown away
warnings.simplefilter("ignore", ResourceWarning)  # as by default
begun = threading.Event()

async def work(config, begun):
    with contextlib.suppress(asyncio.CancelledError):  # the thread would print it
        await generate_video_async(config, request, lambda update: begun.set())

async def until():
    while not begun.is_set():
        await asyncio.sleep(0.01)

loop = asyncio.new_event_loop()
task = loop.create_task(work(config, begun))
loop.run_until_complete(until())
other = threading.Event()
thread = threading.Thread(target=lambda: asyncio.run(work(config, other)), daemon=True)
thread.start()
other.wait(100)
print("leaving")
"""

FORK = """
print(generate_video(config, request).status)
sys.stdout.flush()
child = os.fork()
if child == 0:
    print(generate_video(config, request).status)
    sys.stdout.flush()
    os._exit(0)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
"""

INTERRUPTED = """
def show(update):
    print(update.status, update.error or "", flush=True)

try:
    generate_video(config, request, show)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

TWO_LOOPS = """
for _ in range(2):
    print(asyncio.run(generate_video_async(config, request)).status)
"""

FORGOTTEN = """
import gc
warnings.simplefilter("ignore", ResourceWarning)  # as by default: sockets close themselves

def forget(loop):
    gateway = Gateway()
    print(loop.run_until_complete(gateway.generate_video_async(config, request)).status)

loop = asyncio.new_event_loop()
forget(loop)
gc.collect()
kept = Gateway()
print(loop.run_until_complete(kept.generate_video_async(config, request)).status)
loop.close()
"""

CONTEXT = """
import contextvars
name = contextvars.ContextVar("name")
name.set("cat")

class Handler:
    async def generate_video_async(self, config, request, on_progress=None):
        return VideoGenerationResponse(
            request_id="1", video="https://example.com/cat.mp4", status=name.get(), raw_response={}
        )

register_provider("mine", Handler())
mine = VideoGenerationConfig(provider="mine", model="m")
print(generate_video(mine, request).status)
"""
