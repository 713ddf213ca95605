"""A mock answers in the gateway itself: an application can be tried without a model."""

import psutil
from openai import OpenAI

from tests.acceptance.running_server import RunningServer


def test_a_mock_says_its_script_and_has_no_process(fake_server: RunningServer) -> None:
    with OpenAI(base_url=fake_server.base_url, api_key=fake_server.key, max_retries=0) as client:
        for _ in range(2):
            answer = client.chat.completions.create(
                model="mock", messages=[{"role": "user", "content": "What shall it be?"}]
            )
            assert answer.choices[0].message.content == "As you like it."
            assert answer.usage is not None
            assert answer.usage.completion_tokens == 4
    commands = [" ".join(child.cmdline()) for child in psutil.Process(fake_server.process.pid).children()]
    hosts = [command for command in commands if "host" in command]
    assert len(hosts) == 2, commands  # of the models that have an engine of their own
