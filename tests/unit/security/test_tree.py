"""No secret is in the tree: every file is searched for keys, tokens and passwords by their form and by how random they are.

What is found and is meant to be there (fake keys of tests, test vectors of contracts) stands in tests/unit/security/known.json, by file
and fingerprint; `python tests/unit/security/test_tree.py` writes it anew, to be read before it is committed. Passwords that are words are
ruff's to find (S105 to S107).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[3]
KNOWN = Path(__file__).with_name("known.json")
NOT_OURS = {
    ".git",
    ".venv",
    ".integration",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
    ".hypothesis",
    "__pycache__",
    "build",
}
NO_TEXT = {".png", ".svg", ".db", ".sqlite", ".pyc"}
SEARCH = {
    "plugins_used": [
        *(
            {"name": name}
            for name in (
                "ArtifactoryDetector",
                "AWSKeyDetector",
                "AzureStorageKeyDetector",
                "BasicAuthDetector",
                "CloudantDetector",
                "DiscordBotTokenDetector",
                "GitHubTokenDetector",
                "GitLabTokenDetector",
                "IbmCloudIamDetector",
                "JwtTokenDetector",
                "MailchimpDetector",
                "NpmDetector",
                "OpenAIDetector",
                "PrivateKeyDetector",
                "PypiTokenDetector",
                "SendGridDetector",
                "SlackDetector",
                "SoftlayerDetector",
                "SquareOAuthDetector",
                "StripeDetector",
                "TelegramBotTokenDetector",
                "TwilioKeyDetector",
            )
        ),
        {"name": "Base64HighEntropyString", "limit": 4.5},
        {"name": "HexHighEntropyString", "limit": 3.0},
    ],
    "filters_used": [
        {"path": "detect_secrets.filters.heuristic.is_sequential_string"},
        {"path": "detect_secrets.filters.heuristic.is_potential_uuid"},
        {"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": [r"--hash=sha256:[0-9a-f]{64}"]},
    ],
}


def texts(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.name in NOT_OURS or path.name.endswith(".egg-info") or path.is_symlink():
            continue
        if path.is_dir():
            yield from texts(path)
        elif path.suffix not in NO_TEXT:
            yield path


def secrets_in(root: Path) -> set[tuple[str, str, str]]:
    """File, kind and fingerprint of each."""
    with transient_settings(SEARCH):
        return {
            (path.relative_to(root).as_posix(), one.type, one.secret_hash)
            for path in texts(root)
            if path != KNOWN
            for one in scan_file(str(path))
        }


def test_the_tree_holds_no_secret() -> None:
    found = secrets_in(ROOT) - {tuple(one) for one in json.loads(KNOWN.read_text())}
    assert not found, "is it a secret? take it out and revoke it; is it fake? say so as tests/unit/security/test_tree.py tells"


def test_one_that_is_planted_is_found(tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7Q4XAMPL"
    planted = {
        "a.py": f'AWS = "{key}"\n',
        "b.toml": 'url = "postgresql://u:' + 'Tr0ub4dor3x@db/x"\n',
        "c.yaml": "key: '" + "c2Vj" + "cmV0IGtleSBvZiAzMiByYW5kb20gYnl0ZXMhIQ" + "=='\n",
        "d/e.txt": "-----BEGIN RSA " + "PRIVATE KEY-----\n",
        "f.sh": "TOKEN=gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a\n",
    }
    for name, text in planted.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert {file for file, _, _ in secrets_in(tmp_path)} == set(planted)


if __name__ == "__main__":
    KNOWN.write_text(json.dumps(sorted(secrets_in(ROOT)), indent=1) + "\n")
