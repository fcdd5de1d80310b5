"""Speakers: who says it. A tool's failure, source code, documentation and chat only tell of errors."""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Speaker(NamedTuple):
    """One kind of text that is no failure of a model call. `surely`: even if a status is said to have come with it."""

    name: str
    pattern: re.Pattern[str]
    source: str
    example: str
    surely: bool = False


def _lines(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.MULTILINE)


SPEAKERS: Sequence[Speaker] = (
    Speaker(
        "a search engine's client",
        _lines(
            r"duckduckgo|\bddgs\b|duckduckgosearch|202 ratelimit",
            (
                r"(?:tavily|serpapi|serper|brave|searxng|google|bing|exa|web)[ _]?search(?:[ _]api|"
                r" tool)?\b[^\n]{0,40}(?:error|fail|limit|exceeded|429)"
            ),
            r"googlesearch|\btavily\b|serper\.dev|searxng|huggingface\.co/api|www\.reddit\.com|wikipedia\.org",
            r"arxiv\.org|semanticscholar|wikipedia(?:api)?\b|scholarly|yfinance|yfratelimit|pytrends|instaloader",
            r"praw\.|tweepy",
        ),
        "clients of search and data services that agents call as tools",
        "duckduckgo_search.exceptions.DuckDuckGoSearchException: https://lite.duckduckgo.com/lite/ 202 Ratelimit",
        surely=True,
    ),
    Speaker(
        "a package manager or a developer's tool",
        _lines(
            (
                r"^[ \t]{0,40}(?:\[[\w-]+\] )?(?:npm (?:err!|error|warn)|yarn (?:error|run)|pnpm\b|err_pnpm|"
                r"error: could not find a version|e: failed to fetch|fatal: |remote: |brew |cargo |go: |pip |"
                r"curl: \(|wget: |gh: |docker: |error response from daemon|make: \*|gradle|mvn |"
                r"\[error\] failed to execute goal|bash: |sh: |zsh: |/bin/)"
            ),
            r"toomanyrequests: |pull rate limit|^yarn install|yarnpkg|rpc failed; curl|recv failure: ",
            r"\bcommand failed (?:with|:)|\bspawn \S+ e[a-z]+|registry-1\.docker\.io|pypi\.org",
            r"files\.pythonhosted\.org|registry\.npmjs\.org|crates\.io|rubygems\.org|api\.github\.com/(?!copilot)",
            r"github api rate limit|api rate limit (?:already )?exceeded for (?:user|installation|site|\[?[0-9x*])",
            r"secondary rate limit|raw\.githubusercontent",
        ),
        "npm, pip, docker, git, curl and GitHub's own API",
        "npm ERR! 429 Too Many Requests - GET https://registry.npmjs.org/left-pad",
        surely=True,
    ),
    Speaker(
        "a test runner",
        _lines(
            r"^[ \t]{0,40}(?:failed|passed|error|xfail) \S+::|^=+ .*(?:failures|passed|failed|short test summary).*=",
            r"^[ \t]{0,40}[✓✗✔✘×] |^(?:pass|fail) \S+\.(?:test|spec)\.|^--- (?:fail|pass): |^test result: |^e {2,}\w",
            r"^[ \t]{0,40}(?:ok|not ok) [0-9]+ |(?:\b(?:passed|failed|skipped) +\[ *[0-9]+%)",
            r"exceeded timeout of [0-9]+ ?ms for a|^tests?:? +[0-9]+ (?:passed|failed)|assertionerror",
        ),
        "pytest, vitest, jest, go test, cargo test",
        "FAILED tests/test_search.py::Tester::test_exact - Exception: 429",
        surely=True,
    ),
    Speaker(
        "a tool of an agent",
        _lines(
            r"\(hy000\)|sqlstate|<tool_use_error>|\bmcp error -?[0-9]+|^mcp server\b",
            r"error (?:executing|running|calling) tool|tool execution (?:failed|error)",
            r"^(?:exit code|command failed|command timed out|process exited)|^(?:bash |tool )?command timed out",
            r"string to replace not found|file has not been read|\benoent\b|\beacces\b|no such file or directory",
            r"command not found|module ?not ?found ?error|is not recognized as an internal",
            r"^[\w./-]+: [^:\n]+: (?:permission denied|is a directory|not a directory)",
            r"^(?:cat|grep|ls|tail|find|sed|awk|rm|cp|mv|mkdir|head|node|python3?): |\berror ts[0-9]+|eaddrinuse",
            r"^(?:build|compilation|lint|deploy(?:ment)?) failed|\bpage\.\w+: |\blocator\.|playwright|puppeteer",
            r"selenium|navigation timeout|net::err_\w+ at http|web ?fetch\b|tool result",
            r"\"(?:stdout|stderr|exit_?code)\":|psql:|psycopg|sqlite3\.|mysql|mongo|redis|ssh: |kubectl|terraform",
        ),
        "what agents' tools answer",
        "MCP error -32001: Request timed out",
    ),
    Speaker(
        "a change to source code",
        _lines(
            r"^[+-]\s*[\w.]+\s*=\s*[\"'\[({\w]|^diff --git |^@@ -[0-9]|^index [0-9a-f]{7,}\.\.|^(?:\+\+\+|---) [ab]/",
            (
                r"^[+-]\s*(?:if\b|elif\b|else\b|return\b|raise\b|def\b|class\b|import\b|from\b|const\b|let\b|"
                r"var\b|throw\b|case\b|try\b|except\b|catch\b|function\b|//|#|\*|[})\]])"
            ),
        ),
        "diffs",
        "+        if (\n+            'No deployments available' in self.message\n+        ):",
    ),
    Speaker(
        "source code",
        _lines(
            (
                r"^[ \t]{0,40}(?:[0-9]+[:|→\t]\s*)?(?:if \(|if .{1,80}:\s*$|} ?else|elif .*:\s*$|else:\s*$|"
                r"def \w+\(|class \w+[(:{ ]|import [\w{*]|from \S+ import|const \w+|let \w+ =|var \w+ =|"
                r"function \w*\(|return [\w(\"'`]|raise \w+|throw new|catch ?\(|except [\w(.]+|switch ?\(|"
                r"case [\w\"'.]+:|#include|package \w+;?$|func \w*\(|fn \w+|pub (?:fn|struct|enum)|(?:public|"
                r"private|protected|export|async) (?:static |async |class |function |const |def |void |"
                r"interface |type |default )|[\w.]+ = [\"'\[({]|/\*\*?(?: |$)|\* - |// |# \w+ .*\b(?:error|"
                r"retry|limit)|[a-z_]{3,} = [\[{(\"'0-9]|@\w+\(|assert |expect\()"
            ),
            r"^[ \t]{0,40}[\w.\[\]\"']+ ?(?:===?|!==?|in) [\"'\w].*[{:]\s*$|=> ?\{|!= nil\b",
            r"^[ \t]{0,40}[\"']?[45][0-9]{2}[\"']?: [\"'][^\n]{0,80},$|\bself\.\w+ =",
            r"\b(?:logger|logging|log|console)\.[a-z]+\(|^[ \t]{0,40}\"(?:errors|messages|strings)\": \{",
            r"\.includes\(|re\.compile\(|\.test\(",
        ),
        "programs",
        "RETRYABLE = {429, 500, 503}\ndef is_retryable(status):\n    return status in RETRYABLE",
    ),
    Speaker(
        "a table, a heading or a changelog",
        _lines(
            r"^[ \t]{0,40}\|.+\|.*$|^#{1,6} \S",
            r"^[ \t]{0,40}(?:[-*•] )?(?:feat|fix|chore|docs|refactor|perf|test|ci|build)(?:\([\w./, -]+\))?!?: ",
            (
                r"^[ \t]{0,40}[-*•] (?:\*\*)?(?:add(?:ed|s)?|fix(?:ed|es)?|improv(?:ed|es)|handle[ds]?|"
                r"support(?:ed|s)?|remove[ds]?|change[ds]?|update[ds]?)\b"
            ),
            r"^(?:\*\*)?(?:changelog|unreleased|release notes|what's (?:new|changed)|breaking changes)\b|^## \[",
            r"^[-*•] [^\n]{0,80}\b[45][0-9]{2}\b[^\n]{0,200}\n[-*•] [^\n]{0,80}\b[45][0-9]{2}\b|^[-*•] `[a-z_]+`",
            r"^v?[0-9]+\.[0-9]+\.[0-9]+ ",
        ),
        "Markdown, changelogs, conventional commits",
        "| `ThrottlingException` | 429 | limited |\n| `ModelNotReadyException` | 503 | overloaded |",
    ),
    Speaker(
        "prose about errors",
        _lines(
            (
                r"^(?:why|how|could you|can you|what(?! should claude)|is there|does|please (?:add|fix|"
                r"implement|explain))\b[^\n]{0,200}\?"
            ),
            r"^(?:bug|feature|issue|question): |\breturns? (?:an? )?[45][0-9]{2}\b",
            r"^(?:i|we) (?:keep |just |also )?(?:hit|get|got|getting|ran|saw|see|think|tried|am getting)\b",
            (
                r"\b(?:occurs?|happens?|is (?:returned|raised|thrown|sent|shown)|are (?:returned|raised|"
                r"thrown)) (?:when|if|by|because|with)\b"
            ),
            r"`[45][0-9]{2}(?: [a-za-z -]+)?`|\bretries (?:http )?requests?\b",
            r"\b(?:429|50[0-4]|529)s (?:and|or|are|from|with|errors)\b",
            (
                r"\b(?:how to|when you|whenever|you (?:can|may|should|might) (?:see|get|receive|encounter|"
                r"hit)|in case of|for example)\b[^\n]{0,80}(?:error|limit|429|timeout|quota)"
            ),
            r"\b(?:should|now) (?:be )?(?:retr(?:y|ied|ies)|handled?|back(?:s)? off|fall(?:s)? back|surface)",
            r"\bthis (?:pr|commit|change|patch|module|function|test|guide|document|section)\b",
            (
                r"^[ \t]{0,40}(?:[-*•] |[0-9]+[.)] )?(?:add|adds|added|fix|fixes|fixed|implement|implements|"
                r"implemented|document|documents|documented|handle|handles|handled|improve|improved|refactor|"
                r"refactored|update|updated|support|supports|introduce|introduces|retry(?! failed)|retries|"
                r"i(?:'ve| have|'ll| will| added| fixed| implemented| updated)|let me|we (?:should|added|now)|"
                r"here(?:'s| is| are)|the (?:code|function|test|script|module|class|file|retry|middleware|"
                r"handler))\b(?! (?:your|again|after|in|at|more|credits|funds|limits?|to|"
                r"attempts?)\b)(?! with status)"
            ),
            r"^[ \t]{0,40}(?:todo|note|fixme|example|summary|description|usage|tip|faq|q|a):",
        ),
        "documentation, commit messages, an assistant's own words",
        "A `429` error occurs when a client exceeds the limits of an API.",
    ),
)

_READ = 4_096  # characters; what speaks can be heard from the beginning


def not_the_model(text: str, *, has_status: bool) -> Speaker | None:
    """Who speaks in `text` (as it came), if that is not the model's provider or client.

    With a status beside it only who is surely known by its name counts: providers quote much in their messages.
    """
    text = text[:_READ].lower()
    has_status = has_status or "traceback (most recent call last)" in text  # it quotes the code it went through
    for speaker in SPEAKERS:
        if (speaker.surely or not has_status) and speaker.pattern.search(text):
            return speaker
    return None
