"""How programs on asyncio answer the questions of ../questions.ts, and what their steps have in common."""

import asyncio
import base64
import os
import ssl
import urllib.request


def say(*words):
    print(*words, flush=True)


def encode(text):
    return base64.b64encode(text.encode()).decode()


class Answers:
    """`steps` has a coroutine function for each verb, which takes bytes and returns texts."""

    def __init__(self, **steps):
        self.steps = {**steps, "back": self.back}
        self.tasks = set()
        self.returns = asyncio.Queue()

    def ask(self, number, verb, *words):
        task = asyncio.ensure_future(self.answer(number, verb, [base64.b64decode(word) for word in words]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, number, verb, words):
        try:
            say("done", number, *map(encode, await self.steps[verb](*words)))
        except Exception as error:
            say("refused", number, encode(repr(error)))

    def came_back(self, how):
        """After a lost connection: `resumed`, or `again` with a new session."""
        self.returns.put_nowait(how)

    async def back(self):
        return [await self.returns.get()]


async def put(url, headers, content):
    """The HTTP of an upload (XEP-0363 §4), which these libraries leave to their users."""
    await asyncio.get_running_loop().run_in_executor(None, lambda: put_now(url, headers, content))


def put_now(url, headers, content):
    request = urllib.request.Request(url, data=content, method="PUT", headers=headers)
    context = ssl.create_default_context(cafile=os.environ["PEER_AUTHORITY"])
    urllib.request.urlopen(request, context=context, timeout=20).close()
