"""Error texts: what the words of an error mean, as families of wordings, the first that fits being the answer.

The order is the order of the rules: can the request ever fit, is it money or a plan, is the provider too busy, is it a
limit that passes, then accounts, policy, models, time, the server, the connection, and at last the request itself.
"""

import re
from collections.abc import Sequence

from pi_fallback.core.error_rows import Row, finds, one_of
from pi_fallback_hookspecs import FailureKind as K
from pi_fallback_hookspecs import ScopeKind

_MINUTE = ("per min", "per-min", "permin", "(tpm)", "(rpm)", "per second", "/min", "/ min", "requests per sec")
_QUARTER_HOUR_S = 15 * 60.0
_LIMITED = re.compile(r"limit:? ([0-9]{1,12})[^.]{0,40}?(?:used:? [0-9]{1,12}[^.]{0,40}?)?requested:? ([0-9]{1,12})")


def _never_fits(text: str, start: int, end: int) -> bool:
    """Whether one request alone is larger than a limit: "Limit 6000, Requested 14368"."""
    found = _LIMITED.search(text, start, end)
    return found is not None and int(found[2]) > int(found[1])


_THE_USER: Sequence[Row] = (
    Row(
        "stopped by the user",
        K.ABORTED,
        one_of(
            "interrupt | user doesn't want to proceed | useraborterror | user abort | by user | by the user",
            "user cancel | user reject | user declined | user denied",
        ),
        "Claude Code, Codex, openai-node",
        "[Request interrupted by user for tool use]",
        check=finds(
            r"interrupted by (?:the )?user|user doesn't want to proceed|useraborterror|^interrupted\b",
            r"(?:abort|cancel|reject|declin|den(?:y|i)|stopp|interrupt)[a-z]* by (?:the )?user",
            r"user (?:has )?(?:abort|cancel|reject|declined|denied)",
        ),
        at="bare",
    ),
    Row(
        "aborted",
        K.ABORTED,
        one_of("abort | cancelled | canceled | keyboardinterrupt | interrupted | ^c"),
        "the Fetch standard's AbortError; Go's context",
        "Error: This operation was aborted",
        check=finds(
            r"aborterror",
            (
                r"(?:operation|request|turn|call|stream|conversation|response|run) (?:was |has been |"
                r"is )?(?:abort|cancell?ed)"
            ),
            r"context cancell?ed|(?:task|job|session) was cancell?ed|turn interrupted|^\^c$|signal is aborted",
            r"keyboardinterrupt|cancellederror|^(?:error: )?(?:abort|cancell?)ed\.?$",
        ),
        at="bare",
        unless=one_of("timeout | timed out | time out | deadline"),
    ),
)

_THE_ANSWER: Sequence[Row] = (
    Row(
        "finish reason: length",
        K.OUTPUT_LIMIT,
        one_of("finish | stop_reason | stopreason | incomplete_details"),
        "the finish reasons of OpenAI, Anthropic and Google",
        'finishReason: "MAX_TOKENS"',
        check=finds(
            (
                r"(?:finish|stop)_?\s?reason['\"]?(?: was|"
                r" is)?\s*[:=]?\s*['\"(]*(?:finish_?reason[._])?(?:max_?(?:output_)?tokens|length|model_length)\b"
            ),
            r"incomplete_details.{0,40}max_output_tokens",
        ),
        at="bare",
    ),
    Row(
        "the answer was too long",
        K.OUTPUT_LIMIT,
        one_of(
            "output token | output limit | output length | response-length | response length | truncated",
            "max_tokens | max tokens | max_output_tokens | maximum output | completion limit | length limit",
            "token limit",
        ),
        "Claude Code, litellm, openai-python's LengthFinishReasonError",
        "Claude's response exceeded the 32000 output token maximum",
        check=finds(
            r"response (?:has )?exceeded (?:the )?[0-9,]+ (?:output )?tokens?|response[- ]length (?:cap|limit)",
            (
                r"(?:response|answer|output|completion|generation|stream)[^.]{0,40} (?:truncated|cut off|"
                r"stopped|ended)[^.]{0,60}(?:max|limit|length)"
            ),
            (
                r"(?:truncated|stopped|cut off|incomplete|ended)[^.]{0,40}(?:max_(?:output_)?tokens|"
                r"max tokens|output (?:token )?limit|length limit|token limit)"
            ),
            (
                r"(?:reached|hit|exceeded) (?:its |the |maximum |max )*(?:output|completion|"
                r"response)(?: token| length|-token|-length)*s? (?:limit|maximum|cap)"
            ),
            r"length limit was reached|(?:reached|hit) (?:the )?max(?:_output)?_tokens",
        ),
        at="bare",
    ),
)

_SIZES: Sequence[Row] = (
    Row(
        "max_tokens above the model's",
        K.INVALID_REQUEST,
        one_of(
            "max_tokens | max_completion_tokens | max_output_tokens | max_new_tokens | maxoutputtokens | max tokens",
            "maximum tokens",
        ),
        "Anthropic, OpenAI, Google: the parameter's own limit",
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for this model",
        check=finds(
            (
                r"max(?:imum)?[_ ]?(?:completion_|output_?|"
                r"new_)?tokens['\"`]?[^.]{0,80}?(?:number of output tokens|too large|"
                r"at most [0-9]+ (?:completion|output)|must be|should be|out of (?:the )?(?:supported )?range|"
                r"supported range|valid range|cannot exceed|less than or equal|not supported|unsupported|"
                r"too high)"
            ),
            r"(?:invalid|unsupported)[^.]{0,30}max_(?:completion_|output_)?tokens",
            r"maximum tokens (?:you requested |value )?(?:exceed|is too|above)",
        ),
        unless=one_of("context window | context length | context limit | afford"),
    ),
    Row(
        "an image or a file too large",
        K.INVALID_REQUEST,
        one_of("image | pdf | audio | video"),
        "Anthropic, OpenAI: limits of media",
        "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum",
        check=finds(
            (
                r"(?:image|pdf|audio|video)s?(?: file| dimension| size| page|'s size)*s? (?:is |"
                r"are )?(?:exceed|too large|too big|larger than|over the)"
            ),
            r"maximum of [0-9]+ pdf pages|too many images",
        ),
    ),
    Row(
        "more than the credits pay for",
        K.QUOTA_EXHAUSTED,
        one_of("can only afford | requires more credits | prompt tokens limit exceeded"),
        "OpenRouter",
        (
            "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can "
            "only afford 0."
        ),
    ),
    Row(
        "larger than a whole minute's limit",
        K.CONTEXT_OVERFLOW,
        one_of("requested"),
        "OpenAI, Groq",
        "on tokens per min (TPM): Limit 30000, Requested 31538.",
        check=_never_fits,
    ),
    Row(
        "request too large",
        K.CONTEXT_OVERFLOW,
        one_of(
            "too large | too long | too big | toolarge | body exceeds | length limit exceeded | maximum allowed size",
            "request size | body size | maximum size | payload size | max body",
        ),
        "RFC 9110 and its paraphrases by gateways",
        "413 Request Entity Too Large",
        check=finds(
            (
                r"(?:request|payload|entity|content|body|prompt|input|conversation|messages?|history|query|"
                r"context|completion|text|uri)(?: (?:body|entity|size|content|length|tokens?|"
                r"history))*(?: (?:is|are|was|has become|became))? ?(?:far |much |way )?too ?(?:large|long|big)"
            ),
            r"string too long|too long for (?:the|this) (?:model|context)",
            (
                r"(?:request|body|payload|message|input)[^.]{0,40}(?:exceed[a-z]*|larger than|over|"
                r"above) (?:the )?(?:maximum|max|limit|allowed)[^.]{0,20}(?: (?:size|length)|bytes|"
                r"[0-9] ?[km]i?b)"
            ),
            r"length limit exceeded|(?:body|payload|request) size[^.]{0,30}(?:exceed|limit)",
            r"exceeds the maximum allowed size|maximum request (?:body )?size",
        ),
        unless=one_of("retry-after too | uri too long"),
    ),
    Row(
        "context window",
        K.CONTEXT_OVERFLOW,
        one_of("context"),
        "OpenAI, Azure, vLLM, llama.cpp, Anthropic, OpenRouter, LM Studio",
        "This model's maximum context length is 8191 tokens, however you requested 8238 tokens",
        check=finds(
            r"maximum (?:model )?context|max(?:imum)? (?:allowed )?context",
            (
                r"context[_ ](?:length|window|size|limit|overflow)s?(?:[_ ]is)?[_ ](?:exceed|full|overflow|"
                r"error|of (?:only )?[0-9]|too small|limit)"
            ),
            r"exceed[a-z]*(?: [^.]{0,60})? context",
            r"(?:larger|longer|greater|more|bigger)[^.]{0,30} than [^.]{0,50}context",
            r"(?:fit|fits) (?:in|into|within) [^.]{0,30}context",
            r"context (?:window|length|size|limit)[^.]{0,30}(?:exceeded|reached|overflow|is full|too small|ran out)",
            (
                r"(?:reached|ran out of|beyond|overflow[a-z]*|over|outgrew)[^.]{0,30}context(?: (?:window|"
                r"length|size|limit)|\b)"
            ),
            r"not enough context|insufficient context|provide a shorter (?:input|context)",
        ),
        unless=one_of("context canceled | context cancelled | context deadline"),
    ),
    Row(
        "too many tokens to fit",
        K.CONTEXT_OVERFLOW,
        one_of(
            "token | input length | prompt length | reduce the length | reduce your prompt | shorten | characters",
            "maxlength | max_length",
        ),
        "OpenAI, Google, Moonshot, Copilot, xAI, DashScope, Bedrock",
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        check=finds(
            (
                r"(?:input|prompt|request(?:ed)?|total|messages?|text) (?:token|length|tokens)s?(?: count|"
                r" length)?s?(?: of| is|:)? ?\(?[0-9, ]*\)?[^.]{0,30}(?:exceed|is greater than|is larger than|"
                r"is longer than|>|over the limit)"
            ),
            (
                r"exceed[a-z]* (?:the |your |this |its )?(?:model'?s? |maximum |max |total |input |allowed |"
                r"prompt )*(?:number of |count of )?(?:input |prompt )?tokens?(?: length)? (?:limit|allowed|"
                r"count|length)"
            ),
            (
                r"(?:reduce|shorten) (?:the length of |the size of )?(?:the |your )?(?:messages|prompt|input|"
                r"conversation|context|either one)[^.]{0,30}(?:completion|length|$|\.|and|,|tokens?|size)"
            ),
            r"maximum (?:prompt|input) (?:length|tokens?)|max_prompt_tokens|(?:range of|maximum) input length",
            r"expected max_?length: [0-9]+|input length should be",
            r"tokens (?:in (?:the |your )?prompt|\([0-9]+\)) exceeds?",
            r"too many (?:input |prompt )?tokens(?: in (?:the |your )?(?:prompt|request|input|message))",
            r"exceeds the (?:maximum )?(?:limit|number) of [0-9,]+ (?:input )?tokens|exceeds the maximum length",
            r"maximum number of (?:input )?tokens|(?:max|maximum) message tokens",
            r"exceeds? the (?:model|maximum|allowed|configured)(?:'s)? (?:token |context )?limit",
        ),
        unless=(*_MINUTE, "per day", "per hour", "rate limit", "quota", "credits"),
    ),
    Row(
        "too long, in Chinese",
        K.CONTEXT_OVERFLOW,
        one_of("上下文 | 超长 | 过长 | 超过最大 | 超出最大 | 输入长度 | 最大长度 | 长度超"),
        "Zhipu, DashScope, new-api",
        "输入内容过长,超过模型最大上下文长度",
        check=finds(
            r"(?:超过|超出|超限|超长|过长|大于).{0,20}|最大长度",
        ),
    ),
)

_MONEY: Sequence[Row] = (
    Row(
        "over its capacity",
        K.CAPACITY,
        one_of("over capacity | at capacity"),
        "Groq, Codex: the model itself is named as full, whatever a caller puts in front",
        "llama-3.3-70b-versatile is currently over capacity. Please try again and back off exponentially.",
        check=finds(
            r"\bis (?:currently |temporarily )?(?:at|over) (?:full |maximum )?capacity",
        ),
        at="soft",
    ),
    Row(
        "limits of a shared platform",
        K.RATE_LIMIT,
        one_of("dedicated capacity | dedicated deployment"),
        "Fireworks: serverless limits",
        (
            "You have exceeded your usage limits. Please try again later or contact Fireworks to explore dedicated "
            "capacity."
        ),
        check=finds(
            r"(?:exceeded|reached|hit)[^.]{0,40}limits?",
        ),
        at="soft",
    ),
    Row(
        "a queue of one's own is full",
        K.RATE_LIMIT,
        one_of("queue full for | queue is full for | already queued"),
        "Pollinations",
        "Queue full for IP: 203.0.113.7: 1 requests already queued (max: 1).",
    ),
    Row(
        "Google: a daily quota",
        K.QUOTA_EXHAUSTED,
        one_of("perday"),
        "ai.google.dev, quotaId of a QuotaFailure",
        '"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"',
        check=finds(
            r"(?:requests|tokens?|generate[a-z]*|count|id)[a-z]*perday",
        ),
        at="soft",
        scope=ScopeKind.CREDENTIAL_MODEL,
    ),
    Row(
        "Google: a limit of nothing",
        K.QUOTA_EXHAUSTED,
        one_of("limit: 0 | quota_limit_value: 0"),
        "ai.google.dev: the model has no free tier",
        "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-2.0-pro",
        check=finds(
            r"quota (?:exceeded|exhausted)[^*]{0,160}limit: 0(?![0-9.])",
        ),
        at="soft",
        scope=ScopeKind.CREDENTIAL_MODEL,
    ),
    Row(
        "Google: a quota of a minute",
        K.RATE_LIMIT,
        one_of("perminute | per minute | persecond"),
        "ai.google.dev, quotaId of a QuotaFailure",
        "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service",
        check=finds(
            r"quotaid[^,}]{0,100}per(?:minute|second)|quota (?:exceeded|exhausted)[^*]{0,200}per ?(?:minute|second)",
        ),
        at="soft",
    ),
    Row(
        "Google: a quota that is back in a moment",
        K.RATE_LIMIT,
        one_of(
            "exceeded your current quota | exhausted your capacity | quota will reset after",
            "quota exceeded for metric",
        ),
        "ai.google.dev, Gemini CLI: only a short retry is stated",
        "You exceeded your current quota, please check your plan and billing details. Please retry in 40.02s.",
        at="soft",
        unless=one_of("per day | daily | limit: 0"),
        within_s=_QUARTER_HOUR_S,
    ),
    Row(
        "Google: (e.g. check quota)",
        K.RATE_LIMIT,
        one_of(
            "resource has been exhausted (e.g. check quota | resource exhausted. please try again later",
            "resource exhausted, please try again | resource_exhausted: resource exhausted",
            "quota exceeded for aiplatform",
        ),
        "cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
        "429 Resource has been exhausted (e.g. check quota).",
        at="soft",
    ),
    Row(
        "credits, balance, funds",
        K.QUOTA_EXHAUSTED,
        one_of(
            "credit | balance | fund | arrear | overdue | payment | billing | prepaid | top up | top-up | recharge",
            "wallet | invoice | unpaid | good standing",
        ),
        "Anthropic, OpenRouter, xAI, DeepSeek, Hugging Face, DashScope",
        "Your credit balance is too low to access the Anthropic API.",
        check=finds(
            r"credit balance|insufficient[_ ](?:\w+[_ ]){0,2}(?:balance|credit|fund)",
            (
                r"(?:balance|credits?|funds?) (?:is |are |has been |have been )?(?:\w+ )?(?:insufficient|"
                r"too low|exhausted|depleted|not enough|used up|spent|empty|negative|run out|ran out|required|"
                r"exceeded|expired|deplet)"
            ),
            (
                r"\b(?:out of|no|low on|not enough|need more|enough|lack of|lacks?|without|any|"
                r"zero) (?:\w+ ){0,3}?(?:credits?|funds|balance)\b"
            ),
            r"(?:exceeded|used|spent|consumed|exhausted|depleted)[^.]{0,40}credits?\b|arrear|overdue",
            r"in good standing|check your (?:plan|account balance|billing)|payment[_ ](?:is )?required",
            r"payment[- ](?:failed|due|overdue|method (?:is )?(?:required|declined))",
            (
                r"billing[_ ](?:hard[_ ]limit|quota|limit|issue|cycle|error|not[_ ]active|disabled|"
                r"is disabled|has been|account)"
            ),
            r"(?:enable|verify|check|inactive|update|activate|requires?) (?:your )?billing",
            r"add (?:more )?(?:credits|funds)|(?:purchase|buy) (?:more |additional )?credits|(?:top|topped) ?-?up",
            r"recharge|prepaid|unpaid|(?:balance|credits?)[^.]{0,12}(?:[:=] ?|of |is )\$?-?0(?:\.0+)?\b",
            r"negative balance",
        ),
        unless=(*_MINUTE, "rate limit reached for", "please reduce the length", "flagged", "moderation"),
    ),
    Row(
        "a plan's limit",
        K.QUOTA_EXHAUSTED,
        one_of("limit | usage | allowance | allotment | quota | free tier | free-tier"),
        "Claude, ChatGPT, Copilot, Ollama, Cursor, Z.ai",
        "You've hit your limit · resets 7pm (America/Los_Angeles)",
        check=finds(
            (
                r"(?:hit|reached|exceeded|used up|over|exhausted|used all(?: of)?|at) (?:your |the |its |"
                r"their |this )?(?:[\w'.-]+ ){0,3}?(?:usage|weekly|daily|monthly|hourly|session|plan|"
                r"spend(?:ing)?|opus|sonnet|free|5-hour|five-hour|5h|subscription|message|fair use|premium|"
                r"trial|included|budget)[- ](?:[\w-]+ ){0,2}?(?:limit|allowance|quota|cap\b|credits)"
            ),
            r"(?:hit|reached) your (?:(?!rate|request|token|concurren)[\w.-]+ ){0,3}limit\b",
            r"limit reached ?(?:∙|·|\||-|•|\. your limit)",
            (
                r"(?:usage|weekly|daily|monthly|hourly|session|plan|spend(?:ing)?|5[- ]hour|five[- ]hour|5h|"
                r"budget|token plan|24[- ]hour|opus|sonnet|fair[- ]use|trial|period|key|total|"
                r"credit)(?: token| request| message| usage| rate| query)?[- _]?(?:limit|quota|cap|"
                r"allowance)(?:[- _]?(?:has been|is|was))?[- _:]?(?:reached|exceeded|hit|exhausted|used up|"
                r"over|met|depleted|error)"
            ),
            r"usage_limit_reached|usage limit (?:has been |was )?(?:reached|exceeded|hit)",
            r"exceeded your (?:\w+ ){0,3}(?:allowance|usage\b)",
            r"free[- ](?:tier|quota)[^.]{0,40}(?:exhausted|exceeded|used up)|(?:request|message|token) allowance",
            r"usage[- _]cap|used (?:all|up)[^.]{0,30}(?:usage|quota|allowance|messages|requests)",
            r"extra usage (?:is )?(?:required|exhausted)",
            (
                r"(?:free|included|plan|trial|monthly|weekly|daily) usage (?:has been |is |was )?(?:exceeded|"
                r"exhausted|used up|over)"
            ),
            r"(?:five|5)[- ]?hour(?:ly)? (?:usage )?(?:limit|quota|window)",
            (
                r"exceeds? (?:your|the) (?:\w+ ){0,2}(?:monthly|daily|weekly|usage|"
                r"spend(?:ing)?)[ -](?:\w+ )?(?:limit|quota|budget)"
            ),
        ),
        unless=(*_MINUTE,),
    ),
    Row(
        "a limit of hours or days",
        K.QUOTA_EXHAUSTED,
        one_of(
            "per day | per-day | daily | per hour | hourly | per week | weekly | per month | per-month | monthly",
            "(tpd) | (rpd) | a day | /day | perday |  rpd |  tpd",
        ),
        "OpenAI, Groq, Bedrock, OpenRouter",
        "Too many tokens per day, please wait before trying again.",
        check=finds(
            (
                r"(?:tokens?|requests?|limit|quota|messages?|models?|calls?|queries|images?|neurons?|usage|"
                r"units?|credits|free)(?:[- ]\w+)?[- ](?:allowed )?(?:per|a|/)[- ]?(?:day|hour|week|month)"
            ),
            r"\b[0-9][0-9,.]*(?: \w+)? (?:per|a) (?:day|hour|week|month)",
            (
                r"(?:daily|hourly|weekly|monthly)[^.]{0,40}(?:limit|quota|usage|allowance|cap\b|allocation|"
                r"budget|neurons|tokens|requests)"
            ),
            r"\((?:tpd|rpd)\)|(?:limit|quota)[^.]{0,30}(?:daily|hourly|weekly|monthly)|/day|\b[rt]pd\b",
        ),
        at="soft",
        unless=one_of("would increase your"),
    ),
    Row(
        "a quota that is used up",
        K.QUOTA_EXHAUSTED,
        one_of(
            "quota | exhausted your | used up | run out of | ran out of | out of extra usage | out of codex",
            "out of messages | you're out of | no remaining | budget | insufficient_ | subscription",
        ),
        "OpenAI, Google, Azure, litellm, one-api",
        "You have no remaining quota for this model.",
        check=finds(
            r"insufficient[_ ](?:\w+[_ ])?quota|exceeded your (?:\w+ ){0,3}quota",
            (
                r"quota[_ ](?:has been |is |was |limit )*(?:fully )?(?:exceeded|exhausted|reached|used up|"
                r"insufficient|depleted|finished|not enough|expired|consumed|is 0)"
            ),
            (
                r"(?:exceed(?:ed|s)?|exhausted|reached|used up|over|out of|insufficient|no (?:remaining|more|"
                r"available)|not enough|zero|remaining|exceeds) (?:[\w'/.-]+ ){0,4}?quota"
            ),
            r"quotaexceeded|exhausted your (?:[\w'-]+ ){0,3}(?:capacity|quota|usage|credits|allowance|plan)",
            r"(?:run|ran) out of (?:\w+ ){0,2}(?:credit|quota|usage|token|message|request|fund)|you're out of",
            r"(?:budget|spend)[^.]{0,40}(?:exceeded|exhausted|reached|over)",
            r"(?:exceed|over|exhaust)[a-z]* (?:[\w'-]+ ){0,3}budget|used up your|(?:requires?|need) an? paid",
            r"no remaining quota|remaining quota",
            r"(?:subscription|plan) (?:has |is )?(?:expired|ended|inactive|not active|required|lapsed|cancell?ed)",
            r"(?:requires?|need)[^.]{0,20} (?:an? )?(?:active |paid )?subscription|no active subscription",
        ),
        unless=(*_MINUTE, "check quota)"),
    ),
    Row(
        "money and plans, in Chinese",
        K.QUOTA_EXHAUSTED,
        one_of("余额 | 欠费 | 额度 | 配额 | 充值 | 套餐 | 资源包 | 用量上限 | 使用上限 | 次数 | 限额 | 用完 | 用尽"),
        "Zhipu, DashScope, Moonshot, one-api and new-api",
        "余额不足或无可用资源包,请充值。",
        check=finds(
            r"余额|欠费|充值|资源包",
            (
                r"(?:额度|配额|用量|限额|次数|套餐|上限).{0,16}(?:不足|用尽|用完|耗尽|超|上限|失败|已满|到期|过期|达到|"
                r"为0)"
            ),
            r"(?:超过|超出|达到|已达|用完|用尽|耗尽|不足).{0,16}(?:额度|配额|用量|上限|限额|次数|套餐)",
        ),
        unless=one_of("每分钟 | 速率 | 频率 | 并发"),
    ),
)

_BUSY: Sequence[Row] = (
    Row(
        "overloaded",
        K.CAPACITY,
        one_of("overload | over load"),
        "Anthropic, OpenAI, Google, Moonshot",
        "The engine is currently overloaded, please try again later",
        at="soft",
        unless=one_of("overloaded method | overloads | overloaded function"),
    ),
    Row(
        "no capacity",
        K.CAPACITY,
        one_of("capacity | capacityexceeded"),
        "Google, Groq, Mistral, Codex",
        "No capacity available for model gemini-2.5-pro on the server",
        check=finds(
            (
                r"(?:at|over|no|out of|insufficient|limited|exceed(?:ed|s)?|not enough|lack of|enough|full|"
                r"additional|maximum) (?:\w+ ){0,2}?capacity"
            ),
            (
                r"capacity (?:\w+ ){0,2}?(?:constraint|exceeded|exhausted|reached|unavailable|limit|error|"
                r"issue|available|insufficient)"
            ),
            r"capacity_exhausted|capacity_exceeded|(?:due to|because of) [^.]{0,20}capacity",
        ),
        at="soft",
        unless=one_of("dedicated capacity"),
    ),
    Row(
        "too busy",
        K.CAPACITY,
        one_of(
            "busy | high demand | high load | heavy load | high traffic | heavy traffic | under load | high volume",
            "congest | too many connections | unusually high | peak",
        ),
        "Google, DeepSeek, Bedrock, xAI",
        "This model is currently experiencing high demand. Please try again later.",
        check=finds(
            (
                r"(?:server|service|system|model|engine|provider|cluster|node|backend|we|is|are|too|currently|"
                r"resources?)\b[^.]{0,24}\bbusy"
            ),
            r"(?:high|heavy|unusually high|increased|peak|under)\b[^.]{0,20}(?:demand|load|traffic|volume|usage)",
            r"congest|too many connections|peak (?:hour|time|period)",
        ),
        at="soft",
        unless=one_of("resource busy | device busy | ebusy | database is busy | busybox"),
    ),
    Row(
        "nobody there to serve it",
        K.CAPACITY,
        one_of(
            "no deployments available | no healthy | no available | no instances | no workers | none available",
            "all accounts | all providers | no provider available | no providers available | no accounts available",
        ),
        "litellm, new-api, gateways",
        "No deployments available for selected model, Try again in 60 seconds.",
        check=finds(
            r"no deployments available|no healthy (?:deployment|upstream|backend|instance|endpoint)",
            (
                r"no (?:available|idle|free) (?:\w+ )?(?:account|channel|worker|instance|provider|server|gpu|"
                r"node|endpoint|deployment|slot|replica|credential)"
            ),
            r"no (?:instances|workers|providers?|accounts) (?:are )?available",
        ),
        at="soft",
        unless=one_of("retry-after header"),
    ),
    Row(
        "the model is not ready",
        K.CAPACITY,
        one_of(
            "loading | degraded function | not ready | warming up | cold start | starting up | scaling up | notready",
        ),
        "Hugging Face, NVIDIA NIM, Bedrock, llama.cpp",
        "Function id '...': DEGRADED function cannot be invoked",
        check=finds(
            r"model[^.]{0,80}(?:is |being )?(?:currently |still )?loading\b(?! model)|^(?:error: )?loading model",
            r"degraded function",
            (
                r"(?:model|server|instance|deployment)[^.]{0,60}(?:not ready|warming up|starting up|"
                r"scaling up|cold start)"
            ),
            r"modelnotready|loading model",
        ),
        unless=one_of("error loading model | failed loading | failed to load | error: loading"),
    ),
    Row(
        "too busy, in Chinese",
        K.CAPACITY,
        one_of("负载 | 繁忙 | 过载 | 拥挤 | 拥堵 | 访问量过大 | 高峰 | 资源不足 | 算力"),
        "new-api, Zhipu, DeepSeek",
        "当前分组上游负载已饱和,请稍后再试",
        at="soft",
    ),
)

_RATES: Sequence[Row] = (
    Row(
        "limited further up",
        K.RATE_LIMIT,
        one_of("rate-limited upstream | rate limited upstream | provider rate limit | upstream rate limit"),
        "OpenRouter, OpenCode Zen",
        "google/gemini-2.0-flash-exp:free is temporarily rate-limited upstream. Please retry shortly",
        at="soft",
        scope=ScopeKind.MODEL,
    ),
    Row(
        "rate limit",
        K.RATE_LIMIT,
        one_of(
            "rate limit | rate-limit | rate_limit | ratelimit | request rate | request limit | token limit",
            "tokens limit",
        ),
        "OpenAI, Anthropic, Groq, Mistral, Azure, Copilot",
        "Rate limit reached for gpt-4 in organization org-1 on tokens per min. Limit: 10000 / min.",
        check=finds(
            (
                r"rate[- _]?limit(?:ed|s|ing)?(?:[- _]?(?:error|has been|is|was|have been|"
                r"already))?(?:[- _:])*(?:reached|exceeded|hit|error|of|upstream|exception|exhausted|for|you|"
                r"by|\.|!|$|,|until|temporar|after|violat|try|please|due)"
            ),
            (
                r"(?:exceed(?:ed|s|ing)?|reached|hit|over|exhausted|been|are|is|being|was|reaching|got|"
                r"getting|temporarily|your|has|api provider has|429)[^.]{0,60}rate[- _]?limit"
            ),
            r"(?:request|token)s?(?: rate)? limit (?:\w+ )?(?:exceeded|reached|hit)",
            r"request rate (?:\w+ ){0,2}(?:too high|limit|exceed|increased)|rate limit:",
            r"ratelimit(?:error|exceeded|reached|ed)",
        ),
        at="soft",
    ),
    Row(
        "too many requests",
        K.RATE_LIMIT,
        one_of(
            "too many | throttl | slow down | toomanyrequests | concurren | too frequent | too fast | too quickly",
            "per minute | per min | per second | reduce your request | reduce the frequency | rpm | tpm",
        ),
        "RFC 6585, Bedrock, Cerebras, Moonshot, Z.ai",
        "Too many requests, please wait before trying again.",
        check=finds(
            r"too ?many ?(?:\w+ )?(?:requests?|tokens|calls|concurrent|attempts|queries|messages)",
            r"throttl(?:ed|ing ?exception|ing\b(?! the))|slow down",
            r"concurren(?:cy|t)[^.]{0,50}(?:limit|exceed|reach|too|max)",
            r"(?:exceed|reach|limit|max)[^.]{0,50}concurren",
            r"request(?:s|ing)? (?:\w+ ){0,2}too (?:frequent|fast|quickly)",
            r"(?:limit|exceed|reach|max|quota)[^.]{0,80}(?:per[- ]min|per sec|\brpm\b|\btpm\b)",
            r"(?:per[- ]min|per sec|\brpm\b|\btpm\b)[^.]{0,60}(?:limit|exceed|reach|max)",
            r"reduce (?:your|the) (?:request|frequency)",
        ),
        at="soft",
        unless=one_of("too many requests from the same ip"),
    ),
    Row(
        "rate limits, in other languages",
        K.RATE_LIMIT,
        one_of(
            "频繁 | 频率 | 速率 | 限流 | 并发 | 请求过多 | 请求数 | レート制限 | リクエストが多 | 요청이 너무",
            "속도 제한 | demasiadas solicitudes | trop de requêtes | zu viele anfragen | слишком много запросов",
            "muitas solicitações | límite de | limite de requ | limite de débit | ratenlimit | лимит запросов",
            "troppe richieste",
        ),
        "Zhipu, DashScope, Copilot in the user's language",
        "申し訳ございません。要求はレート制限されました。84 seconds を待ってから、もう一度お試しください。",
        at="soft",
    ),
)

_ACCOUNTS: Sequence[Row] = (
    Row(
        "the account is closed",
        K.AUTH,
        one_of(
            "must be verified | disabled | deactivated | suspended | banned | on hold | terminated | restricted",
            "封禁 | 停用 | 禁用 | blocked",
        ),
        "Anthropic, OpenAI",
        "This organization has been disabled.",
        check=finds(
            r"must be verified",
            (
                r"(?:organi[sz]ation|account|user|workspace|project|api key|key|token|subscription|team|"
                r"access|consumer)\b(?: '?[\w:-]+'?)?[^.]{0,20} (?:has been |is |was |have been |"
                r"been )(?:\w+ )?(?:disabled|deactivated|suspended|banned|on hold|terminated|restricted|blocked)"
            ),
            r"(?:disabled|suspended|deactivated|banned) (?:organi[sz]ation|account)",
            r"organi[sz]ation has (?:\w+ )?disabled|(?:账号|账户|用户|令牌|密钥).{0,10}(?:封禁|停用|禁用)",
        ),
    ),
    Row(
        "not from here",
        K.AUTH,
        one_of("country | region | location | territor | ip address | your ip | ip not | 地区"),
        "OpenAI, Google, Anthropic",
        "400 User location is not supported for the API use.",
        check=finds(
            (
                r"(?:country|region|location|territor(?:y|ies))[^.]{0,40}(?:not (?:supported|available|"
                r"allowed)|unsupported|blocked|restricted)"
            ),
            r"(?:not|un)[ ]?(?:supported|available|allowed)[^.]{0,30}(?:country|region|location|territor)",
            r"(?:your|ip)[^.]{0,20}\bip\b[^.]{0,30}(?:not (?:allowed|authorized|whitelisted)|blocked|denied)",
            r"ip (?:address )?(?:\S+ )?(?:is )?(?:not (?:allowed|authorized|in the allow|whitelisted)|blocked)",
            r"地区.{0,10}(?:不支持|不可用)",
        ),
    ),
    Row(
        "a key that is no good",
        K.AUTH,
        one_of("key | secret | credential | 密钥 | 令牌 | 鉴权"),
        "OpenAI, Anthropic, Google, DeepSeek, AWS, one-api",
        "Incorrect API key provided: sk-0966***6119.",
        check=finds(
            (
                r"(?:invalid|incorrect|missing|wrong|expired|unknown|revoked|bad|no|malformed|unauthorized|"
                r"leaked|inactive|set|provide|check|without|find|specify|need|require[sd]?|forgot|valid|"
                r"verify|configure) (?:your |an? |the |x-|any |valid |provided |correct |"
                r"\w+ )?(?:\w+ )?(?:api|access|auth|secret|subscription|licen[sc]e|bearer|virtual)?[-_ ]?key\b"
            ),
            (
                r"(?:api|access|secret|subscription|auth|virtual)[-_ ]?key\b[^.]{0,60}?(?:invalid|incorrect|"
                r"missing|expired|revoked|not valid|not found|not set|not provided|required|"
                r"does not have permission|not configured|leaked|disabled|wrong|unauthorized|not recogni|"
                r"doesn't exist|does not exist|not exist|not allowed|is empty|malformed|deleted|inactive|"
                r"rejected|fail)"
            ),
            r"api_key[a-z_]* (?:is )?(?:not set|required|missing|environment variable)|invalid[_ ]api[_ ]?key",
            r"api_key_invalid|api key client option must be set",
            (
                r"(?:couldn't|could not|cannot|unable to|failed to|no|not|missing|invalid|expired|auth|load|"
                r"locate|valid) (?:\w+ ){0,3}(?:secret|credential)s?\b"
            ),
            r"credentials? (?:\w+ )?(?:not|invalid|missing|expired|could not|are required|are missing|were not)",
            r"(?:令牌|密钥|key).{0,12}(?:无效|过期|不可用|错误|不存在|未提供)",
            r"(?:无效|过期|未提供|错误).{0,8}(?:令牌|密钥|key)|鉴权",
        ),
        unless=one_of("unknown key | invalid key in | duplicate key | unexpected key"),
    ),
    Row(
        "a login that is over",
        K.AUTH,
        one_of("token | oauth | login | log in | sign in | signed in | logged in | session | re-auth | reauth"),
        "Anthropic, ChatGPT, Copilot: OAuth",
        (
            "Your access token could not be refreshed because your refresh token was already used. Please log out "
            "and sign in again."
        ),
        check=finds(
            (
                r"(?:access|refresh|auth|oauth|bearer|id|ide|session|security|copilot|github|jwt|login|"
                r"authentication) ?token\b[^.]{0,60}(?:expired|invalid|revoked|could not|not valid|missing|"
                r"was already|failed|has been|denied|not found|rejected|unauthorized|no longer)"
            ),
            (
                r"(?:invalid|expired|revoked|missing|no|bad) (?:\w+ ){0,2}(?:access|refresh|auth|oauth|bearer|"
                r"jwt|session|security|authentication|github|copilot) ?token"
            ),
            r"token (?:is |has |was )?(?:been )?(?:expired|invalid|revoked)|(?:expired|invalid|revoked) token\b",
            r"token refresh failed|failed to refresh|refresh_token",
            r"(?:please |must |need to |try |run )(?:\w+ )?(?:/login|log ?in|login|sign in|re-?authenticate|log out)",
            r"not (?:logged|signed) in|login (?:is )?required|session (?:has )?expired",
            (
                r"oauth (?:authentication|login|token|access)[^.]{0,40}(?:not supported|not allowed|disabled|"
                r"fail|error|revoked|expired|invalid)"
            ),
            r"invalid_grant|token_expired|unauthorized_client",
        ),
        unless=one_of("unexpected token | invalid token ' | max_tokens"),
    ),
    Row(
        "not allowed",
        K.AUTH,
        one_of(
            "unauthori | authenticat | forbidden | permission | access denied | accessdenied | not authorized",
            "not allowed | access to this | don't have access | do not have access | does not have access",
            "unrecognizedclient | expiredtoken | invalidsignature | 认证 | 身份验证 | 没有权限 | 无权 | authoriz",
            "security token",
        ),
        "RFC 9110, AWS, Google, Anthropic",
        "You are not authorized to perform this action.",
        check=finds(
            r"unauthori[sz]ed|unauthenticated",
            r"authentication (?:fail|error|required|credentials|is|parameter|was|method|token)",
            r"(?:invalid|failed|missing|fail(?:ed|ure)?|could not|no|error|require[sd]?) (?:\w+ ){0,3}authenticat",
            r"not authenticated|could not resolve authentication|authenticationerror|authentication_error",
            r"\bforbidden\b|permission[_ ]?(?:denied|error)|permissiondenied",
            r"(?:not have|lacks?|missing|insufficient|no|without|required)[^.]{0,30} permissions?\b",
            r"access[_ ]?denied|accessdenied|not authorized|not allowed to (?:access|use|call|perform)",
            r"(?:don't|do not|does not|doesn't|not) have access|access to this[^.]{0,40}(?:forbidden|denied)",
            r"unrecognizedclient|expiredtoken|invalidsignature|security token included",
            r"authorization (?:header|failed|error|required)|认证失败|身份验证|没有权限|无权",
        ),
        at="soft",
        unless=one_of("eacces | operation not permitted | tool"),
    ),
)

_POLICY: Sequence[Row] = (
    Row(
        "flagged or filtered",
        K.CONTENT_POLICY,
        one_of(
            "flagged | content management policy | content filter | content_filter | filtered | content policy",
            "content_policy | safety | safeguard | usage polic | use polic | violat | moderation",
            "content exists risk | inappropriate | prohibited | data_inspection | data inspection | sensitive",
            "unsafe | harmful | recitation | responsible ai | content can't be shown | public code | cybersecurity",
            "trusted access | refusal | blocked | guardrail | policy",
        ),
        "OpenAI, Anthropic, Google, Azure, DeepSeek, DashScope, OpenRouter",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        check=finds(
            r"flagged (?:this|as|by|for|your|the|a|content|due|in)|(?:was|were|been|is|are|got) flagged",
            r"content management policy|content[ _]filter",
            (
                r"(?:response|prompt|output|content|request|message|input)s? (?:was |were |has been |is |"
                r"been |got )?(?:\w+ )?(?:filtered|blocked|refused|rejected|restricted) (?:due|because|by|for|"
                r"as)[^.]{0,60}(?:polic|safety|filter|content|moderat|guard|harm|sensitiv|prohibit|violat|"
                r"triggering)"
            ),
            r"content[ _]policy|usage polic|acceptable use",
            (
                r"(?:blocked|stopped|filtered|refused|rejected|restricted|limited)[^.]{0,60}(?:safety|"
                r"recitation|prohibited|blocklist|spii|moderation|guardrail)"
            ),
            (
                r"safety (?:system|setting|filter|reason|measure|guideline|polic|check|concern|classifier|"
                r"violation|block)"
            ),
            r"safeguards? (?:flagged|block|trigger)",
            r"violat(?:e|es|ed|ing|ion|ions)\b[^.]{0,60}(?:polic|guideline|terms|safety|content|rules|provision)",
            r"(?:policy|policies|safety)[ _](?:\w+ )?violation|content exists risk|inappropriate content",
            r"prohibited[_ ]content|data[_ ]inspection",
            (
                r"(?:sensitive|unsafe|harmful|objectionable|explicit) (?:\w+ )?(?:content|word|information|"
                r"material|topic)"
            ),
            r"responsible ai|content can't be shown|matched public code|trusted access",
            (
                r"finish_?reason['\"]?\s*[:=]\s*['\"]?(?:safety|recitation|content_filter|prohibited_content|"
                r"refusal|blocklist|spii)"
            ),
            r"stop_reason['\"]?\s*[:=]\s*['\"]?refusal|(?:requires|failed|by|content) moderation",
            r"guardrail (?:intervened|blocked|policy)|cybersecurity (?:request|topic|risk)",
        ),
        unless=one_of("flagged off"),
    ),
    Row(
        "policy, in Chinese",
        K.CONTENT_POLICY,
        one_of("敏感 | 违规 | 不安全 | 内容安全 | 审核 | 违反 | 风险内容"),
        "Zhipu, DashScope, MiniMax",
        "系统检测到输入或生成内容可能包含不安全或敏感内容",
        unless=one_of("限流 | 频率"),
    ),
)

_MODELS: Sequence[Row] = (
    Row(
        "no such model",
        K.MODEL_NOT_FOUND,
        one_of(
            "model | deployment | no endpoints found | inference profile | on-demand throughput",
            "not found for account | 模型",
        ),
        "OpenAI, Google, Ollama, OpenRouter, Bedrock, Azure, NVIDIA NIM",
        "The model `llama3.1-405b` does not exist or you do not have access to it.",
        check=finds(
            r"model[ _]not[ _](?:found|exist|supported|available)|modelnotfound",
            r"models?/\S+ (?:is|was) not (?:found|supported)",
            (
                r"\bmodel:? [^.;]{0,20}?['\"`]?[\w./:@-]*['\"`]?,? ?(?:is |are |was |has been |have been |"
                r"does |do )?(?:not (?:found|exist|available|supported(?! for this (?:feature|param))|enabled|"
                r"accessible|allowed|recognized|a valid|valid|permitted|registered|been found|deployed|"
                r"in the list)|unavailable for|no longer|deprecated|retired|decommissioned|discontinued|"
                r"removed|shut down|sunset|unknown|invalid|unsupported|disabled|reached (?:its )?end)"
            ),
            (
                r"(?:unknown|invalid|unsupported|unrecognized|no such|not a valid|nonexistent|unavailable|"
                r"undefined) (?:provider[ /])?model(?: name| id| identifier)?s?(?: specified|"
                r" requested)?\b(?! (?:output|response|state|param|input))"
            ),
            r"(?:deployment|api deployment)[^.]{0,60}(?:does not exist|not found)",
            r"no endpoints found(?! that support)|no endpoints (?:available|that)",
            r"(?:requested|specified|selected) model[^.]{0,40}(?:not|no longer|doesn't|cannot be found)",
            r"on-demand throughput isn't|issue with the selected model|unknown provider for model|inference profile",
            r"function '?[\w-]+'?: not found|not found for account|not have access to (?:the )?model\b",
            r"no (?:model|deployment)s? (?:named|with|found|matching|called)|could not find (?:the )?model",
            r"cannot find model|(?:try pulling it|pull (?:the )?model)|model provider .{0,40}not found",
            r"模型.{0,24}(?:不存在|未找到|不支持|已下线|无可用渠道|不可用|没有权限)|无可用渠道",
        ),
        unless=one_of("model is overloaded | don't have access to the model with the specified | loading"),
    ),
)

_TIMES: Sequence[Row] = (
    Row(
        "a connection of the gateway's",
        K.NETWORK,
        one_of(
            "upstream connect error | disconnect/reset before headers | internal network failure",
            "received from peer",
        ),
        "Envoy",
        "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        at="soft",
    ),
    Row(
        "too late",
        K.TIMEOUT,
        one_of(
            "timed out | timeout | time-out | time out | deadline | timedout | stalled | took too long | 超时",
            "no data | no response | inactivity | no progress | idle",
        ),
        "Node's and Python's clients, gRPC, gateways",
        "Connection timed out after 600 seconds.",
        check=finds(
            r"timed[- ]?out|timedout|time-?out ?error|timeout(?:error|exception)|connect[_ ]?timeout",
            r"read[_ ]?timeout|(?:headers|body)_timeout|(?:headers|body) ?timeout ?error|i/o timeout",
            r"gateway[- ]?time-?out|request[_ -]?timeout",
            r"timeout (?:of|on|after|waiting|while|was|has|exceeded|expired|occurred|reached|awaiting|error|value)",
            (
                r"(?:idle|stream|response|network|connection|operation|upstream|api|client|server|socket|"
                r"first[- ]token|first[- ]byte|inactivity|chunk|llm|model|due to|handshake|command|a|"
                r"the) time-?out\b"
            ),
            r"deadline[_ ]?(?:exceeded|expired|has)|exceeded[^.]{0,20} deadline|stream(?:ing)? (?:has )?stalled",
            r"(?:response|request|connection) stalled|took too long",
            (
                r"no (?:data|response|chunk|token|event|progress|output|activity)s? (?:was |were |"
                r"has been )?(?:received )?(?:within|for|in|after)"
            ),
            r"time out|超时",
        ),
        at="server",
        unless=one_of("token timeout"),
    ),
)

_SERVERS: Sequence[Row] = (
    Row(
        "the server stumbled",
        K.SERVER_ERROR,
        one_of(
            "internal server | internalserver | internal error | internal_error | server error | server_error",
            "had an error | experienced an error | error occurred while processing | bad gateway",
            "something went wrong | crashed | has terminated | segmentation fault | out of memory | cuda",
            "backend error | error loading model | oom | 服务器内部错误 | 内部错误 | 系统错误 | 服务异常 | 内部服务",
            "internal exception | failed to load model | unknown error | unexpected error | panic | http 5",
            "server exception",
        ),
        "OpenAI, Anthropic, Google, Ollama, LM Studio",
        "The server had an error while processing your request. Sorry about that!",
        check=finds(
            r"internal ?server ?(?:error|exception)|internal[_ ]error|(?:server|an) (?:had|experienced) an error",
            r"error occurred while processing|bad gateway|something went wrong|model (?:has )?crashed",
            r"process (?:has )?(?:terminated|crashed)|segmentation fault",
            r"(?:cuda|gpu|metal|ran|is|system)?[^.]{0,20}out of memory|cuda error|backend error|error loading model",
            r"failed to load model|internal exception|服务器内部错误|内部错误|系统错误|服务异常|内部服务",
            r"\bserver[_ ]error\b|unknown error|unexpected error (?:occurred|on the server)|panic:",
        ),
        at="server",
        unless=one_of(
            "econn | connection reset | fetch failed | websocket: close | socket hang up | connection refused",
            "unexpected eof",
        ),
    ),
    Row(
        "a page in place of an answer",
        K.SERVER_ERROR,
        one_of(
            "<html | <!doctype | unexpected token '<' | unexpected token < | <title | not valid json",
            "unexpected end of json | invalid json response | jsondecodeerror | expecting value: line 1",
        ),
        "gateways: HTML where JSON was expected",
        "SyntaxError: Unexpected token '<', \"<html> <h\"... is not valid JSON",
        at="server",
    ),
)

_CONNECTIONS: Sequence[Row] = (
    Row(
        "the connection broke",
        K.NETWORK,
        one_of(
            "econn | enotfound | eai_again | epipe | ehostunreach | enetunreach | enetdown | und_err | socket",
            "fetch | network | connection | connect  | peer closed | chunked | server disconnected",
            "disconnectederror | side closed | broken pipe | eof | premature | getaddrinfo | dns | name resolution",
            "name or service | no such host | certificate | ssl | tls | x509 | stream  | terminated | refused",
            "unreachable | dial tcp | http2 | http/2 | goaway | rst_stream | websocket | max retries exceeded",
            "error sending request | load failed | err_ | error decoding response body | offline",
            "remoteprotocolerror | incompleteread | hang up | response ended | url or port | access the url | 连接",
        ),
        "Node's, Python's, Go's and Rust's clients",
        "[TypeError: fetch failed] cause: [Error: connect ECONNREFUSED 127.0.0.1:11434]",
        check=finds(
            r"econn(?:reset|refused|aborted)|enotfound|eai_again|epipe|ehostunreach|enet(?:unreach|down)",
            r"und_err_(?!connect_timeout)|socket (?:hang up|connection|closed|error|disconnected|has been|was)",
            r"hang up|fetch failed|failed to fetch|load failed|error fetching",
            (
                r"network (?:error|failure|connection|issue|is unreachable|socket|problem|request failed|"
                r"unreachable|changed|lost)"
            ),
            r"networkerror",
            (
                r"(?:connection|connect)[ _]?(?:error|refused|reset|aborted|closed|lost|failed|failure|"
                r"terminated|dropped|broken|interrupted|attempt|to \S+ (?:failed|refused|lost)|unexpectedly|"
                r"was (?:\w+ )?(?:closed|reset|refused|lost|aborted|interrupted|broken|forcibly|dropped|"
                r"terminated)|is closed|has been|could not|ended|died|prematurely)"
            ),
            r"connectionerror|apiconnection|connecterror",
            (
                r"(?:no|lost|broken|closed|new|failed|unable|cannot|can't|could not|couldn't|drop|reset|"
                r"refused|problem)[^.]{0,30}connect(?:ion|ing)?\b"
            ),
            r"peer closed|other side closed|incomplete chunked|chunkedencodingerror|server disconnected",
            r"(?:remote|server|peer|host) (?:end )?(?:has )?(?:closed|reset|hung)|broken pipe|unexpected eof",
            r"\beof(?:error)?\b|premature(?:ly)? (?:close|end)|ended prematurely|getaddrinfo|\bdns\b|name resolution",
            r"name or service not known|no such host|certificate|\bssl|\btls\b|x509",
            (
                r"stream (?:was |has been |is |has )?(?:\w+ )?(?:closed|disconnected|ended|interrupted|reset|"
                r"error|broken|cut|terminated|dropped)"
            ),
            r"^(?:error: |typeerror: |network error: )?terminated\.?$|typeerror: terminated|actively refused",
            r"unreachable|dial tcp|goaway|rst_stream|websocket[^.]{0,40}clos|max retries exceeded",
            r"error sending request|error decoding response body|net::err_",
            r"\berr_(?:connection|network|internet|name|ssl|http2|quic|timed)|you (?:are|appear to be) offline",
            r"internet connection|remoteprotocolerror|disconnectederror|incompleteread|response (?:\w+ )?ended",
            r"(?:could not|unable to|failed to|cannot) (?:reach|connect)|http/?2 (?:\w+ )?error",
            r"typo in the url or port|computer able to access the url|连接(?:错误|失败|超时|重置|被|中断|断开)",
        ),
        at="server",
        unless=one_of("google search | mcp "),
    ),
    Row(
        "temporarily unavailable",
        K.CAPACITY,
        one_of(
            "temporarily unavailable | currently unavailable | temporarily down | temporarily not available",
            "暂时不可用",
        ),
        "the wording of services that shed load",
        "Service temporarily unavailable",
        at="soft",
        unless=one_of("<html | <title | 503 service temporarily | resource temporarily unavailable"),
    ),
)

_REQUESTS: Sequence[Row] = (
    Row(
        "unavailable",
        K.SERVER_ERROR,
        one_of(
            "service unavailable | service_unavailable | serviceunavailable | unavailable | gateway error",
            "upstream error",
        ),
        "RFC 9110: 503 with nothing beside it",
        "Request failed: Service Unavailable",
        check=finds(
            r"service[_ ]?(?:is )?(?:\w+ )?unavailable|(?:server|api|backend|provider) (?:is )?(?:\w+ )?unavailable",
            r"gateway error|upstream error",
        ),
        at="server",
    ),
    Row(
        "a request that is not understood",
        K.INVALID_REQUEST,
        one_of(
            "invalid | unsupported | not supported | doesn't support | does not support | unrecognized",
            "unknown name | unknown parameter | unexpected | malformed | expected | required | must  | not permitted",
            "bad request | badrequest | validation | schema | tool_use | tool_call | tool call | thinking",
            "signature | not allowed | roles | could not process | not enabled | missing | requires | 参数 | cannot ",
            "can't ",
        ),
        "Anthropic, OpenAI, Google, vLLM: messages about a field",
        "messages.3: `tool_use` ids were found without `tool_result` blocks immediately after",
        check=finds(
            (
                r"invalid[_ ](?:request|argument|parameter|value|json|type|schema|input|'|\"|`|tool|function|"
                r"content|field|format|message|payload|image|base64|role|url|data|signature|prompt|encrypted|"
                r"body|file|mime|media|reasoning|option|state|call|model output)"
            ),
            (
                r"(?:unsupported|unrecognized|unknown|unexpected|extra) (?:parameter|value|field|name|"
                r"argument|request|role|input|content|type|media|file|format|key|property|properties|tool|"
                r"option|image)"
            ),
            r"(?:not support(?:ed)?|doesn't support|not enabled for)\b|extra inputs|bad ?request",
            r"validation ?(?:error|exception|failed)|failed validation",
            r"(?:json )?schema\b[^.]{0,40}(?:invalid|error|must|not|fail)",
            (
                r"(?:tool_use|tool_result|tool_call|tool call)[a-z_]*[^.]{0,60}(?:must|without|missing|"
                r"not found|unexpected|did not have|no |each|mismatch|corresponding|follow|preced|requires?)"
            ),
            r"(?:must|should) (?:be|have|contain|start|end|not|match|include|alternate|precede|follow|provide)",
            r"field required|is (?:a )?required|are required|thought[_ ]signature|not permitted|roles must",
            r"could not process|expected [`'\"]|malformed|missing (?:required|a |the |field|param|`|')",
            r"tool choice requires|cannot be (?:both|empty|null|used|modified|specified|combined)",
            r"参数(?:错误|无效|有误)|invalid_request|invalidrequest|json (?:parse|decode|payload)",
        ),
    ),
)

USERS: Sequence[Row] = _THE_USER
"""What only a client says. A provider that speaks of an abort was stopped by somebody else."""

TEXTS: Sequence[Row] = (
    *_THE_ANSWER,
    *_SIZES,
    *_MONEY,
    *_BUSY,
    *_RATES,
    *_MODELS,
    *_ACCOUNTS,
    *_POLICY,
    *_TIMES,
    *_SERVERS,
    *_CONNECTIONS,
)
"""What says more than a status and a telling code."""

LAST: Sequence[Row] = _REQUESTS
"""What is asked when nothing else has spoken, status and codes included."""
