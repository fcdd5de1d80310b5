"""Wordings: what vendors and clients are known to say, beyond the examples of the table and the collected errors."""

WORDINGS: list[tuple[str, int | None, str]] = [
    (
        "quota_exhausted",
        400,
        "You have reached your specified API usage limits. You will regain access on 2025-07-01 at 00:00 UTC.",
    ),
    ("quota_exhausted", None, "Claude AI usage limit reached|1753077600"),
    ("quota_exhausted", None, "Claude usage limit reached. Your limit will reset at 3pm (Europe/Berlin)."),
    ("quota_exhausted", None, "5-hour limit reached ∙ resets 3am"),
    ("quota_exhausted", None, "You've hit your session limit · resets 10pm"),
    ("quota_exhausted", None, "Weekly limit reached ∙ resets Oct 7, 3am"),
    (
        "quota_exhausted",
        None,
        (
            "You've hit your usage limit. Upgrade to Pro (https://openai.com/chatgpt/pricing) or try again in 3 "
            "days 4 hours 12 minutes."
        ),
    ),
    (
        "quota_exhausted",
        None,
        (
            "You've hit your usage limit. To get more access now, send a request to your admin or try again at Sep "
            "3rd, 2025 1:01 PM."
        ),
    ),
    ("quota_exhausted", None, "You exceeded your current quota, please check your plan and billing details."),
    (
        "quota_exhausted",
        429,
        "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
    ),
    ("quota_exhausted", 402, "Insufficient credits. Add more using https://openrouter.ai/credits"),
    ("quota_exhausted", 402, "Insufficient Balance"),
    (
        "quota_exhausted",
        403,
        "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
    ),
    ("quota_exhausted", 429, "Your account org-x<ak-y> is suspended, please check your plan and billing details"),
    ("quota_exhausted", 429, "Your account has exceeded its current quota, please check your account balance"),
    (
        "quota_exhausted",
        402,
        (
            "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x "
            "more monthly included credits."
        ),
    ),
    ("quota_exhausted", 400, "ExceededBudget: User=default_user_id over budget. Spend=10.2, Budget=10.0"),
    ("quota_exhausted", 400, "Budget has been exceeded! Current cost: 12.33, Max budget: 10.0"),
    ("quota_exhausted", 429, "Monthly usage limit exceeded for your workspace"),
    ("quota_exhausted", 403, "该令牌额度已用尽 !token.UnlimitedQuota && token.RemainQuota = -2"),
    ("quota_exhausted", 403, "用户额度不足, 剩余额度: ＄0.000000"),
    ("quota_exhausted", 403, "预扣费额度失败, 用户剩余额度: 0.05, 需要预扣费额度: 0.9"),
    ("quota_exhausted", 429, "已达到 5 小时的使用上限。您的限额将在 2025-12-24 10:39:02 重置。"),
    ("quota_exhausted", 429, "Usage limit reached for 5 hour. Your limit will reset at 2025-12-24 10:39:02"),
    ("quota_exhausted", 400, "Access denied, please make sure your account is in good standing. Arrearage"),
    ("quota_exhausted", 429, "You have exceeded your premium request allowance. Please upgrade."),
    (
        "quota_exhausted",
        None,
        "Sorry, you have exceeded your Copilot token usage. Please review our Terms of Service.",
    ),
    (
        "quota_exhausted",
        429,
        (
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-02-01 have "
            "exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 86400 seconds."
        ),
    ),
    ("quota_exhausted", 429, "You have exceeded your daily quota of 10,000 neurons"),
    (
        "quota_exhausted",
        403,
        (
            "Your team has either used all available credits or reached its monthly spending limit. To continue "
            "making API requests, please purchase more credits or raise your spending limit."
        ),
    ),
    (
        "quota_exhausted",
        429,
        (
            "Gateway request failed: free tier of the model has been exhausted. If you wish to continue access the "
            'model on a paid basis, please disable the "use free tier only" mode'
        ),
    ),
    ("quota_exhausted", 429, "You have exhausted your daily quota on this model."),
    (
        "quota_exhausted",
        429,
        "[API Error: You have exhausted your capacity on this model. Your quota will reset after 8h44m7s.]",
    ),
    ("rate_limit", 429, "You have exhausted your capacity on this model. Your quota will reset after 5s."),
    ("rate_limit", 429, "This request would exceed your account's rate limit. Please try again later."),
    (
        "rate_limit",
        429,
        (
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2023-05-15 have "
            "exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 7 seconds. "
            "Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default "
            "rate limit."
        ),
    ),
    (
        "rate_limit",
        429,
        (
            "Rate limit reached for gpt-4o in organization org-abc on tokens per min (TPM): Limit 30000, Used "
            "29937, Requested 385. Please try again in 644ms. Visit "
            "https://platform.openai.com/account/rate-limits"
        ),
    ),
    (
        "rate_limit",
        429,
        (
            "Provider returned error: google/gemini-2.0-flash-exp:free is temporarily rate-limited upstream. "
            "Please retry shortly, or add your own key to accumulate your rate limits"
        ),
    ),
    ("rate_limit", None, "Rate limited. Please wait a moment and try again."),
    (
        "rate_limit",
        429,
        (
            "Number of request tokens has exceeded your per-minute rate limit "
            "(https://docs.anthropic.com/en/api/rate-limits)"
        ),
    ),
    ("rate_limit", 429, "You've exceeded the rate limit, please slow down and try again after 12.5 seconds"),
    ("rate_limit", 429, "您的账户已达到速率限制，请您控制请求频率"),
    ("rate_limit", 429, "Too many concurrent requests for this model"),
    (
        "rate_limit",
        None,
        (
            "An error occurred (ThrottlingException) when calling the Converse operation (reached max retries: 4): "
            "Too many requests, please wait before trying again."
        ),
    ),
    ("rate_limit", 429, "Requests rate limit exceeded"),
    (
        "rate_limit",
        429,
        (
            "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base "
            "model: anthropic-claude-3-5-sonnet. Please submit a quota increase request."
        ),
    ),
    (
        "capacity",
        503,
        '{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}',
    ),
    ("capacity", 429, "Service tier capacity exceeded for this model."),
    ("capacity", 429, "No capacity available for model gemini-2.5-pro on the server"),
    ("capacity", 503, "This model is currently experiencing high demand. Spikes in demand are usually temporary."),
    ("capacity", 503, "Model meta-llama/Llama-3 is currently loading"),
    ("capacity", None, "Repeated 529 Overloaded errors"),
    ("capacity", 429, "当前模型负载过高，请稍后重试"),
    ("capacity", 503, "Server is busy, please try again later"),
    ("capacity", 500, "We're experiencing exceptionally high load right now"),
    ("capacity", 503, "The engine is currently overloaded, please try again later"),
    ("capacity", 429, "That model is currently overloaded with other requests. You can retry your request"),
    ("capacity", None, "We are at capacity. Please try again later."),
    ("capacity", 503, "No healthy upstream"),
    ("server_error", 503, "503 Service Unavailable"),
    ("server_error", 502, "<html><head><title>502 Bad Gateway</title></head></html>"),
    ("server_error", 500, "The server had an error processing your request. Sorry about that!"),
    ("server_error", None, '{"type":"error","error":{"type":"api_error","message":"Internal server error"}}'),
    (
        "server_error",
        None,
        "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error",
    ),
    ("auth", 401, "invalid x-api-key"),
    ("auth", 401, "OAuth token has expired. Please obtain a new token or refresh your existing token."),
    ("auth", 401, "OAuth token revoked · Please run /login"),
    ("auth", None, "Invalid API key · Please run /login"),
    ("auth", 400, "API key not valid. Please pass a valid API key."),
    ("auth", 400, "API key expired. Please renew the API key."),
    ("auth", 403, "Your API key was reported as leaked. Please use another API key."),
    (
        "auth",
        403,
        (
            '{"error":{"message":"Country, region, or territory not '
            'supported","code":"unsupported_country_region_territory"}}'
        ),
    ),
    ("auth", 403, "Request not allowed"),
    (
        "auth",
        403,
        (
            "Generative Language API has not been used in project 123 before or it is disabled. Enable it by "
            "visiting https://console.developers.google.com"
        ),
    ),
    ("auth", None, "Could not resolve authentication method. Expected either apiKey or authToken to be set."),
    (
        "auth",
        None,
        (
            "The api_key client option must be set either by passing api_key to the client or by setting the "
            "OPENAI_API_KEY environment variable"
        ),
    ),
    ("auth", 401, "无效的令牌"),
    ("auth", None, "The security token included in the request is expired"),
    ("auth", None, 'Unable to locate credentials. You can configure credentials by running "aws configure".'),
    (
        "auth",
        403,
        "This organization does not have access to Claude. Please login again or contact your administrator.",
    ),
    ("auth", 400, "Your organization has disabled Claude subscription access for Claude Code"),
    ("context_overflow", 400, "prompt is too long: 213462 tokens > 200000 maximum"),
    (
        "context_overflow",
        400,
        (
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or "
            "`max_tokens` and try again"
        ),
    ),
    (
        "context_overflow",
        400,
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    ),
    (
        "context_overflow",
        429,
        (
            "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested "
            "31538. The input or output tokens must be reduced"
        ),
    ),
    ("context_overflow", 400, "prompt token count of 128371 exceeds the limit of 128000"),
    (
        "context_overflow",
        400,
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    ),
    ("context_overflow", 413, "Request exceeds the maximum size"),
    ("context_overflow", None, "Your input exceeds the context window of this model."),
    (
        "context_overflow",
        400,
        "the request exceeds the available context size. try increasing the context size or enable context shift",
    ),
    ("context_overflow", 400, "Range of input length should be [1, 98304]"),
    ("context_overflow", 400, "Input is too long for requested model."),
    ("context_overflow", None, "tokens to keep from the initial prompt is greater than the context length"),
    (
        "context_overflow",
        None,
        (
            "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with "
            "context length of only 4096 tokens"
        ),
    ),
    ("context_overflow", 400, "Please reduce the length of either one, or use the context-compression plugin"),
    (
        "context_overflow",
        400,
        (
            "Invalid 'input[3].content': string too long. Expected a string with maximum length 10485760, but got "
            "a string with length 11000000 instead."
        ),
    ),
    (
        "context_overflow",
        None,
        "Context low · Run /compact: Conversation too long. Press esc twice to go up a few messages and try again.",
    ),
    (
        "output_limit",
        None,
        (
            "API Error: Claude's response exceeded the 32000 output token maximum. To configure this behavior, set "
            "the CLAUDE_CODE_MAX_OUTPUT_TOKENS environment variable."
        ),
    ),
    ("output_limit", 200, "stop_reason: max_tokens"),
    ("output_limit", 200, '{"incomplete_details":{"reason":"max_output_tokens"}}'),
    ("output_limit", None, "Could not parse response content as the length limit was reached"),
    ("output_limit", None, "The model's response was cut off because it hit the maximum output tokens limit"),
    ("content_policy", 400, "Output blocked by content filtering policy"),
    (
        "content_policy",
        None,
        (
            "API Error: Claude Code is unable to respond to this request, which appears to violate our Usage "
            "Policy (https://www.anthropic.com/legal/aup)."
        ),
    ),
    ("content_policy", 400, "Your request was rejected as a result of our safety system."),
    ("content_policy", 403, 'Your input was flagged by moderation for "violence". No credits were charged.'),
    ("content_policy", 400, "Input data may contain inappropriate content."),
    ("content_policy", 400, "data_inspection_failed: Output data may contain inappropriate content"),
    ("content_policy", 200, 'finishReason: "SAFETY"'),
    ("content_policy", None, "Response was blocked due to PROHIBITED_CONTENT"),
    ("content_policy", 400, "The prompt was blocked: sensitive words detected"),
    ("invalid_request", 400, "messages: text content blocks must be non-empty"),
    (
        "invalid_request",
        400,
        "tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12",
    ),
    (
        "invalid_request",
        400,
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
    ),
    ("invalid_request", 400, "Invalid `signature` in `thinking` block"),
    ("invalid_request", None, "Function calling is not enabled for models/gemini-1.0"),
    (
        "invalid_request",
        400,
        "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-sonnet",
    ),
    (
        "invalid_request",
        400,
        "messages.1.content.0.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
    ),
    ("invalid_request", 400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    (
        "invalid_request",
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    ),
    ("invalid_request", 400, "`temperature` and `top_p` cannot both be specified for this model."),
    (
        "invalid_request",
        None,
        "messages.5: `tool_use` ids were found without `tool_result` blocks immediately after",
    ),
    ("invalid_request", 422, "[{'type': 'missing', 'loc': ['body', 'messages'], 'msg': 'Field required'}]"),
    ("model_not_found", 404, "model 'llama3' not found, try pulling it first"),
    ("model_not_found", 400, "The model `gpt-4.5-preview` has been deprecated"),
    ("model_not_found", 404, "The model `gpt-5` does not exist or you do not have access to it."),
    ("model_not_found", 400, "gpt-9 is not a valid model ID"),
    ("model_not_found", 400, "The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported."),
    (
        "model_not_found",
        400,
        "The 'gpt-5.1-codex-max' model is not supported when using Codex with a ChatGPT account.",
    ),
    ("model_not_found", 400, "The requested model is not supported."),
    ("model_not_found", 503, "当前分组 default 下对于模型 gpt-4 无可用渠道"),
    ("model_not_found", 400, "Model Not Exist"),
    ("model_not_found", 404, "This model models/gemini-1.5-pro is no longer available."),
    ("model_not_found", 403, "Project `proj_x` does not have access to model `gpt-4o`"),
    ("model_not_found", 404, "The API deployment for this resource does not exist."),
    ("network", None, "Connection error."),
    ("network", None, "read ECONNRESET"),
    ("network", None, "getaddrinfo ENOTFOUND api.openai.com"),
    ("network", None, "unable to get local issuer certificate"),
    ("network", None, "stream disconnected before completion: stream closed before response.completed"),
    ("network", None, "Premature close"),
    (
        "network",
        None,
        'Post "https://api.anthropic.com/v1/messages": dial tcp: lookup api.anthropic.com: no such host',
    ),
    ("network", None, "error sending request for url (https://chatgpt.com/backend-api/codex/responses)"),
    ("network", None, "write EPIPE"),
    ("network", None, "The socket connection was closed unexpectedly."),
    ("network", None, "Unable to connect to API (ConnectionRefused)"),
    ("network", None, "Server disconnected without sending a response."),
    ("network", None, "http2: server sent GOAWAY and closed the connection"),
    (
        "network",
        None,
        (
            "response.failed event received; stream closed before completion: Transport error: network error: "
            "error decoding response body"
        ),
    ),
    ("network", None, "net::ERR_CONNECTION_RESET"),
    ("network", None, "Unable to connect. Is the computer able to access the url?"),
    ("timeout", None, "Request timed out."),
    ("timeout", None, "connect ETIMEDOUT 104.18.7.192:443"),
    ("timeout", None, "Deadline expired before operation could complete."),
    ("timeout", 504, "504 Gateway Time-out"),
    ("timeout", None, "HeadersTimeoutError: Headers Timeout Error"),
    ("timeout", None, "The operation was aborted due to timeout"),
    ("timeout", None, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
    ("timeout", None, "stream disconnected before completion: idle timeout waiting for SSE"),
    ("timeout", None, "timeout of 60000ms exceeded"),
    ("aborted", None, "Request was aborted."),
    ("aborted", None, "AbortError: The user aborted a request."),
    ("aborted", None, "context canceled"),
    ("aborted", None, "Operation cancelled by user"),
    ("aborted", None, "The user rejected this tool call"),
    ("not_an_error", None, "processed 4291 items in 3s"),
    ("not_an_error", None, "npm ERR! 429 Too Many Requests"),
    (
        "not_an_error",
        None,
        "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating",
    ),
    ("not_an_error", None, "API rate limit exceeded for user ID 1234."),
    ("not_an_error", None, "def handle_rate_limit(error):\n    if error.status == 429:\n        time.sleep(60)"),
    ("not_an_error", None, "## Rate limits\nIf you exceed the rate limit you will get a 429 error."),
    ("not_an_error", None, "- Fixed: handle 529 overloaded errors by retrying"),
    (
        "not_an_error",
        None,
        "I've added exponential backoff for 429 responses, so rate limit errors are now retried.",
    ),
    ("not_an_error", None, "Error: listen EADDRINUSE: address already in use :::3000"),
    (
        "not_an_error",
        None,
        (
            "src/api/client.ts(42,7): error TS2345: Argument of type 'string' is not assignable to parameter of "
            "type 'number'."
        ),
    ),
    (
        "not_an_error",
        None,
        "fatal: unable to access 'https://github.com/x/y.git/': Could not resolve host: github.com",
    ),
    ("not_an_error", None, "curl: (28) Operation timed out after 10001 milliseconds"),
    (
        "not_an_error",
        None,
        (
            "ERROR: Could not install packages due to an OSError: "
            "HTTPSConnectionPool(host='files.pythonhosted.org', port=443): Read timed out."
        ),
    ),
    ("not_an_error", None, "Tests: 3 failed, 429 passed"),
    ("not_an_error", None, "grep: ./quota: Permission denied"),
    ("not_an_error", None, "The quota field stores how many credits a user has left."),
    ("not_an_error", None, 'throw new Error("Connection timed out");'),
    ("not_an_error", None, "MCP error -32001: Request timed out"),
    ("not_an_error", None, "test_rate_limit_exceeded PASSED [ 42%]"),
    ("not_an_error", None, "Build failed: out of memory"),
]
