"""The file of receivers: a mistake is named with what was expected, and no secret is repeated."""

from pathlib import Path

import pytest

from bearing_stream.commands.alarms.notify.receivers import Webhook
from bearing_stream.commands.alarms.notify.receivers_file import (
    ReceiversError,
    chosen,
    load,
    parse,
)

SECRET = "hunter2-hunter2"

ONE = '[[receiver]]\nname = "one"\n'
COMMAND = f'{ONE}kind = "command"\nargv = ["true"]\n'
WEBHOOK = f'{ONE}kind = "webhook"\nurl = "https://a.example/b"\n'
ALERTS = f'{ONE}kind = "alertmanager"\nurl = "http://a:9093"\n'
MAIL = f'{ONE}kind = "email"\nhost = "mail"\nfrom = "a@b"\nto = ["c@d"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a =", "expected TOML"),
        ("", "expected at least one [[receiver]]"),
        ("[[reciever]]", "expected [[receiver]] only, got 'reciever'; did you mean 'receiver'?"),
        ("receiver = 3", "expected at least one [[receiver]]"),
        (ONE, "[[receiver]] 1 (one): kind: expected one of webhook, alertmanager, email, command"),
        (f'{ONE}kind = "pager"', "got 'pager'"),
        ('[[receiver]]\nkind = "command"\nargv = ["true"]', "[[receiver]] 1: name: field required"),
        (COMMAND + COMMAND, "expected different names, got 'one' 2 times"),
        (COMMAND + "timout = '1s'", "'timout' is no key of a receiver of this kind; did you mean"),
        (COMMAND + "timeout = 3", "timeout: expected a duration such as"),
        (COMMAND + "timeout = '1h'", "timeout: expected 100ms to 2m"),
        (COMMAND + "severity = 'hgh'", "'low', 'medium', 'high' or 'critical'"),
        (COMMAND + "events = ['rised']", "events.0: input should be 'raised'"),
        (COMMAND + "events = []", "events: tuple should have at least 1 item"),
        (COMMAND + "per_minute = 0", "per_minute"),
        (f'{ONE}kind = "command"\nargv = ["no-such-program"]', "there is no 'no-such-program'"),
        (f'{ONE}kind = "command"\nargv = []', "argv: tuple should have at least 1 item"),
        (f'{ONE}kind = "webhook"\nurl = "ftp://a"', "expected an address such as https://"),
        (WEBHOOK + "text = '$sevrity'", "text: there is no field $sevrity; did you mean"),
        (WEBHOOK + "headers = { webhook-id = 'a' }", "'webhook-id' is no header that can be added"),
        (WEBHOOK + "headers = { 'a b' = 'a' }", "'a b' is no header that can be added"),
        (WEBHOOK + "signing_secret = { env = 'NOT_SET' }", "variable NOT_SET is not set"),
        (WEBHOOK + "signing_secret = { file = '/no/such' }", "/no/such cannot be read: No such"),
        (WEBHOOK + "signing_secret = {}", "signing_secret: expected a secret such as { env ="),
        (WEBHOOK + "headers = { X-A = { en = 'b' } }", "headers.X-A: expected a secret such as"),
        (WEBHOOK + "headers = { X-A = 3 }", "headers.X-A: expected a text, or a secret such as"),
        (f'{ONE}kind = "webhook"\nurl = {{ env = "HOME" }}', "expected an address such as"),
        (WEBHOOK + "signing_secret = { env = 'HOME' }", "24 to 64 random bytes in base64"),
        (ALERTS + "per_minute = 3", "'per_minute' is no key of a receiver of this kind"),
        (ALERTS + "labels = { 'a-b' = 'c' }", "labels.a-b"),
        (MAIL + "username = 'a'", "expected both username and password, or neither"),
        (
            MAIL + "username = 'a'\npassword = { env = 'HOME' }\nsecurity = 'none'",
            "a password must not go unencrypted",
        ),
        (MAIL.replace("c@d", "c d"), "to.0: string should match pattern"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ReceiversError) as raised:
        parse(text)
    assert message.lower() in str(raised.value).lower()


@pytest.mark.parametrize(
    "text",
    [
        f"{WEBHOOK}signing_secret = '{SECRET}'",
        f"{WEBHOOK}headers = {{ Authorization = 'Bearer {SECRET}' }}",
        f"{WEBHOOK}headers = {{ X-Api-Key = '{SECRET}' }}",
        f"{MAIL}username = 'a'\npassword = '{SECRET}'",
        WEBHOOK.replace("a.example", f"user:{SECRET}@a.example"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ReceiversError) as raised:
        parse(text)
    assert "{ env = " in str(raised.value)
    assert SECRET not in str(raised.value)


def test_all_mistakes_are_named_at_once_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "notifiers.toml"
    path.write_text(f"{COMMAND}a = 1\n{WEBHOOK}b = 1\n")
    with pytest.raises(ReceiversError) as raised:
        load(path)
    lines = str(raised.value).splitlines()
    assert [line.startswith(f"{path}: [[receiver]] ") for line in lines] == [True, True]
    with pytest.raises(ReceiversError, match="cannot be read"):
        load(tmp_path / "missing.toml")


def test_receivers_are_chosen_by_name() -> None:
    receivers = parse(COMMAND + COMMAND.replace("one", "other"))
    assert [each.name for each in chosen(receivers, ["other"])] == ["other"]
    assert chosen(receivers, []) == receivers
    with pytest.raises(ReceiversError, match="there is no receiver 'othr'; did you mean 'other'"):
        chosen(receivers, ["othr"])


def test_secrets_are_read_from_the_environment_and_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("from-file\n")
    monkeypatch.setenv("THE_URL", "https://chat.example/secret")
    [one] = parse(
        f'{ONE}kind = "webhook"\nurl = {{ env = "THE_URL" }}\n'
        f'headers = {{ Authorization = {{ file = "{tmp_path}/token" }}, X-Site = "north" }}'
    )
    assert isinstance(one, Webhook)
    assert sorted(each.read() for each in one.secrets()) == [
        "from-file",
        "https://chat.example/secret",
    ]
