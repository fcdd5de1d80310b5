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
    ("quota_exhausted", None, "You've reached your Fable 5 limit. Switch to another model or wait until it resets."),
    ("quota_exhausted", 429, "Your team has exceeded its monthly budget"),
    ("quota_exhausted", None, "You're out of usage for now. Your plan resets in 2 hours 13 minutes"),
    (
        "quota_exhausted",
        429,
        '{"code":"1308","message":"Usage limit reached for 5 hour. Your limit will reset at 2026-01-09 11:14:27"}',
    ),
    (
        "quota_exhausted",
        429,
        "Quota exceeded for quota metric 'Gemini requests per day' and limit 'per day per user'",
    ),
    ("quota_exhausted", 402, '{"detail":"Monthly request quota exhausted"}'),
    ("quota_exhausted", 403, "This model requires a paid plan. Upgrade your subscription to continue."),
    ("quota_exhausted", None, "You have reached your monthly limit for chat messages. Upgrade to Copilot Pro."),
    ("quota_exhausted", 429, "You have exceeded your 5-hour token quota"),
    (
        "quota_exhausted",
        400,
        '{"error":{"message":"Your account balance is negative","type":"invalid_request_error"}}',
    ),
    ("quota_exhausted", 429, "Trial quota expired"),
    ("quota_exhausted", 403, "Free allocated quota exceeded."),
    ("quota_exhausted", 429, "Rate limit: 200 requests per day exceeded"),
    ("quota_exhausted", 500, '{"error":{"type":"new_api_error","message":"user quota is not enough"}}'),
    ("quota_exhausted", 429, "当前账户的额度已用完，请充值"),
    ("rate_limit", 429, '{"detail":"Request was throttled. Expected available in 12 seconds."}'),
    ("rate_limit", 429, "Reached max concurrent requests (2)"),
    ("rate_limit", 429, "Please slow down. You are being rate limited."),
    ("rate_limit", 503, "Slow down: request rate increased too quickly"),
    ("rate_limit", 429, "max organization concurrency: 3, please try again after 1 seconds"),
    ("rate_limit", None, 'Error: 429 {"message":"Provider returned error","code":429}'),
    ("rate_limit", 429, "status code 429 (no body)"),
    ("rate_limit", None, "The request was rejected due to rate limiting. Details: RPM limit reached."),
    ("capacity", 529, ""),
    ("capacity", 503, "no available accounts"),
    ("capacity", None, "Our servers are currently experiencing high load"),
    ("capacity", 429, "We're currently processing too many requests — the model is overloaded"),
    ("capacity", 503, "InternalServerError: The server is overloaded or not ready yet"),
    ("capacity", 503, "system cpu overloaded"),
    ("capacity", 429, "Model busy, retry later"),
    ("server_error", 500, "status code 500 (no body)"),
    (
        "server_error",
        None,
        (
            "stream error: An error occurred while processing your request. Please include the request ID abc in "
            "your message."
        ),
    ),
    ("server_error", 520, ""),
    ("server_error", None, "500 Internal Server Error"),
    ("server_error", 503, "upstream unavailable"),
    ("auth", 401, "status code 401 (no body)"),
    ("auth", 403, "<html><head><title>403 Forbidden</title></head></html>"),
    ("auth", None, "No API key found for provider openai"),
    ("auth", 401, "Failed to authenticate. API Error: 401 terminated"),
    ("auth", None, "Not logged in · Please run /login"),
    ("auth", 403, "Claude Code access has been revoked for your organization"),
    ("auth", 400, "Your organization must be verified to stream this model"),
    ("auth", None, "Google Cloud credentials could not be loaded: Could not load the default credentials"),
    ("context_overflow", None, "Prompt is too long"),
    (
        "context_overflow",
        400,
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300123 tokens.",
    ),
    ("context_overflow", 500, "Context size has been exceeded."),
    ("context_overflow", 400, "The total number of tokens (input 200k) exceeds the model limit"),
    ("context_overflow", 413, "Payload Too Large"),
    (
        "context_overflow",
        None,
        (
            "Codex ran out of room in the model's context window. Start a new conversation or clear earlier "
            "history before retrying."
        ),
    ),
    ("context_overflow", 400, "Requested token count exceeds the model's maximum context length of 32768 tokens"),
    ("context_overflow", None, "The request is too large for the model"),
    ("output_limit", None, "The response was truncated because it exceeded the maximum output length"),
    ("output_limit", 200, '{"choices":[{"finish_reason":"length","message":{"content":""}}]}'),
    ("content_policy", 400, "This request has been flagged for potentially high-risk cyber activity."),
    ("content_policy", 400, "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语"),
    (
        "content_policy",
        None,
        "Sorry, the response was filtered by the Responsible AI Service. Please rephrase your prompt and try again.",
    ),
    ("content_policy", None, "Response contained no candidates. Prompt was blocked: PROHIBITED_CONTENT"),
    ("content_policy", None, "Sorry, the response matched public code so it was blocked."),
    ("invalid_request", 400, '[400]: {"message":"Improperly formed request.","reason":"REQUEST_BODY_INVALID"}'),
    ("invalid_request", None, "Invalid prompt: The messages do not match the ModelMessage[] schema."),
    ("invalid_request", 400, "Bad Request"),
    (
        "invalid_request",
        None,
        (
            '[{"error":{"code":400,"message":"* GenerateContentRequest.contents: contents is not '
            'specified","status":"INVALID_ARGUMENT"}}]'
        ),
    ),
    (
        "invalid_request",
        400,
        (
            "Please ensure that function call turn comes immediately after a user turn or after a function "
            "response turn."
        ),
    ),
    (
        "invalid_request",
        400,
        "Failed to deserialize the JSON body into the target type: messages[3]: missing field `content`",
    ),
    ("invalid_request", 400, "Conversation roles must alternate user/assistant/user/assistant"),
    ("invalid_request", 400, "Could not process image"),
    ("invalid_request", 400, "Thinking budget 512 is invalid"),
    ("invalid_request", 400, "No tool output found for function call call_abc"),
    ("invalid_request", 400, "Item 'rs_123' of type 'reasoning' was provided without its required following item."),
    ("model_not_found", 400, "Invalid model. Please select a different model to continue."),
    ("model_not_found", None, "Model not found: kilo/kilo-auto/free."),
    ("model_not_found", 404, '{"error":"model \\"qwen3\\" not found"}'),
    (
        "model_not_found",
        404,
        (
            "Publisher Model `projects/x/locations/us/publishers/anthropic/models/claude-x` was not found or your "
            "project does not have access to it."
        ),
    ),
    (
        "model_not_found",
        None,
        "There's an issue with the selected model (claude-x). It may not exist or you may not have access to it.",
    ),
    ("model_not_found", 400, "unknown provider for model gpt-9"),
    ("network", None, "terminated"),
    ("network", None, "Stream ended unexpectedly"),
    ("network", None, "API Error: The socket connection was closed unexpectedly"),
    ("network", None, "stream closed before response.completed"),
    ("network", None, "SSL: CERTIFICATE_VERIFY_FAILED"),
    ("network", None, "TypeError: Failed to fetch"),
    ("network", None, "connect EHOSTUNREACH 10.0.0.1:443"),
    ("network", None, "Connection lost. Retrying"),
    ("network", None, "ServerDisconnectedError"),
    ("network", None, "Network request failed"),
    ("network", None, "read: connection reset by peer"),
    ("network", None, "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"),
    ("timeout", None, "The request timed out. Please try again."),
    ("timeout", None, "httpx.ReadTimeout"),
    ("timeout", None, "Stream idle timeout - partial response received"),
    ("timeout", None, "504 status code (no body)"),
    ("timeout", None, "Response took too long, aborting"),
    ("timeout", 524, ""),
    ("timeout", None, "SSE read timed out"),
    ("timeout", None, "LLM request timed out after 120s"),
    ("aborted", None, "Request cancelled by user"),
    ("aborted", None, "DOMException [AbortError]: This operation was aborted"),
    ("aborted", None, "Task was cancelled"),
    ("aborted", None, "The user cancelled the request"),
    ("aborted", None, "Turn interrupted"),
    ("aborted", None, "^C"),
    ("not_an_error", None, "Rate limiting is implemented with a token bucket in src/limiter.rs."),
    ("not_an_error", None, "ERROR 1040 (HY000): Too many connections"),
    ("not_an_error", None, "remote: error: GH013: Repository rule violations found"),
    ("not_an_error", None, "12:04:11 INFO request completed in 429ms"),
    ("not_an_error", None, "Successfully installed tenacity-8.2.3"),
    ("not_an_error", None, "error[E0433]: failed to resolve: use of undeclared crate"),
    ("not_an_error", None, "  429: 'Too Many Requests',"),
    ("not_an_error", None, 'if err := ctx.Err(); err != nil { return fmt.Errorf("deadline exceeded: %w", err) }'),
    ("not_an_error", None, "Handle 529 errors from Anthropic (overloaded) with exponential backoff"),
    ("not_an_error", None, "✗ Failed to fetch: Too Many Requests (duckduckgo)"),
    ("not_an_error", None, "The API returns 402 if your balance is insufficient."),
    ("not_an_error", None, 'pod "api-7f" was OOMKilled'),
    ("not_an_error", None, "error: failed to push some refs to 'github.com:x/y.git'"),
    ("not_an_error", None, "I hit a rate limit on the search API, so I used cached results instead."),
    ("not_an_error", None, "TimeoutError: page.goto: Timeout 30000ms exceeded."),
    ("not_an_error", None, "ssh: connect to host 10.0.0.3 port 22: Connection timed out"),
    (
        "not_an_error",
        None,
        (
            "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: "
            "https://huggingface.co/api/models/x"
        ),
    ),
    (
        "not_an_error",
        None,
        (
            "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='pypi.org', port=443): Read "
            "timed out."
        ),
    ),
    ("not_an_error", None, "# Retry on 429 and 5xx\nMAX_RETRIES = 5"),
    (
        "not_an_error",
        None,
        (
            "* `rate_limit_error` (429): your account has hit a rate limit\n* `overloaded_error` (529): the API is "
            "temporarily overloaded"
        ),
    ),
    ("not_an_error", None, "| 429 | Too Many Requests | Wait and retry |"),
    ("not_an_error", None, "### 429 Too Many Requests\nThis error means that you have sent too many requests."),
    (
        "not_an_error",
        None,
        "- 401 Unauthorized: Invalid API key\n- 429 Rate limit exceeded\n- 500 Internal server error",
    ),
    ("not_an_error", None, "docs: describe how rate limits work"),
    ("not_an_error", None, "The test failed because the mock server returned 503 instead of 200."),
    ("not_an_error", None, 'const isOverloaded = message.includes("overloaded_error") || status === 529;'),
    ("not_an_error", None, "case 'insufficient_quota': return 'Your quota is exhausted';"),
    ("not_an_error", None, '  if status_code == 429:\n      raise RateLimitError("Too many requests")'),
    ("not_an_error", None, 'logger.warning("rate limit exceeded, sleeping %s", delay)'),
    (
        "not_an_error",
        None,
        "I've updated the error handling so that 529 overloaded errors are retried with backoff.",
    ),
    ("not_an_error", None, "Could you add a fallback for when the API quota is exceeded?"),
    ("not_an_error", None, "Why does Claude keep saying overloaded?"),
    ("not_an_error", None, "Bug: context window exceeded is shown even when history is short"),
    ("not_an_error", None, 'expect(result.error).toBe("rate limit exceeded")'),
    ("not_an_error", None, 'assert "quota exceeded" in str(exc.value)'),
    (
        "not_an_error",
        None,
        '  "errors": {\n    "timeout": "The request timed out",\n    "network": "Network error"\n  },',
    ),
    ("not_an_error", None, "WARN deprecated inflight@1.0.6: This module is not supported"),
    ("not_an_error", None, "HTTP 202 Ratelimit"),
    ("not_an_error", None, "DuckDuckGoSearchException: 429 Too Many Requests"),
    ("not_an_error", None, "Search failed: Tavily API quota exceeded"),
    ("not_an_error", None, "Brave Search API: 429 rate limit exceeded, 1 request per second"),
    ("not_an_error", None, "GitHub API rate limit exceeded. Wait 32 minutes or use a token."),
    ("not_an_error", None, "fatal: the remote end hung up unexpectedly"),
    ("not_an_error", None, "error: RPC failed; curl 56 Recv failure: Connection reset by peer"),
    ("not_an_error", None, 'go: github.com/x/y@v1.2.3: Get "https://proxy.golang.org/...": dial tcp: i/o timeout'),
    (
        "not_an_error",
        None,
        (
            'Error response from daemon: Get "https://registry-1.docker.io/v2/": net/http: request canceled while '
            "waiting for connection (Client.Timeout exceeded while awaiting headers)"
        ),
    ),
    ("not_an_error", None, "Bash command timed out after 120000ms"),
    ("not_an_error", None, "Command timed out after 2m 0.0s"),
    ("not_an_error", None, "FAIL src/client.test.ts > retries on 429"),
    ("not_an_error", None, "E       assert 429 == 200"),
    ("not_an_error", None, "The function now raises `QuotaExceeded` when the balance is zero."),
    ("not_an_error", None, "WebFetch failed: Request failed with status code 403"),
    ("not_an_error", None, "v2.1.0: better handling of rate limits and timeouts"),
    ("not_an_error", None, 'Fixed an issue where "prompt is too long" errors were not recovered'),
    ("not_an_error", None, "* Fixed bug where API Error 529 crashed the CLI"),
    ("not_an_error", None, "@retry(retry=retry_if_exception_type(RateLimitError), wait=wait_exponential(max=60))"),
    ("not_an_error", None, "cat: /var/log/nginx/error.log: 502 Bad Gateway"),
    ("not_an_error", None, "max_retries: 3\nretry_on: [429, 503]"),
    ("not_an_error", None, 'psycopg2.OperationalError: connection to server at "localhost" refused'),
    (
        "not_an_error",
        None,
        (
            'yarn install v1.22.19\nerror An unexpected error occurred: "https://registry.yarnpkg.com/x: '
            'ESOCKETTIMEDOUT".'
        ),
    ),
    ("not_an_error", None, "Error: Process completed with exit code 1."),
    ("not_an_error", None, "Your session usage: 45% · resets 7pm"),
    ("quota_exhausted", None, "Opus weekly limit reached ∙ resets Oct 16, 9am"),
    ("quota_exhausted", None, "You're out of Codex messages. Your rate limit resets on Jul 12."),
    (
        "quota_exhausted",
        429,
        (
            '{"type":"error","error":{"type":"rate_limit_error","message":"Extra usage is required for long '
            'context requests."}}'
        ),
    ),
    (
        "invalid_request",
        400,
        (
            '{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: unexpected '
            '`tool_use_id` found in `tool_result` blocks: toolu_01"}}'
        ),
    ),
    ("invalid_request", 400, "Unknown parameter: 'reasoning'."),
    ("invalid_request", 400, "Multiple tools are supported only when they are all search tools."),
    (
        "invalid_request",
        400,
        (
            "Unable to submit request because it has a mimeType parameter with value application/zip, which is not "
            "supported."
        ),
    ),
    ("invalid_request", None, "Provided messages contain invalid role"),
    ("invalid_request", 400, "does not support tools"),
    ("invalid_request", 400, "Model does not support image input"),
    ("invalid_request", 400, "json: cannot unmarshal array into Go struct field"),
    ("model_not_found", 404, "404 page not found"),
    ("model_not_found", 400, "Provided model identifier is invalid."),
    ("network", None, "stream error: stream ID 1; INTERNAL_ERROR; received from peer"),
    ("network", None, "upstream connect error or disconnect/reset before headers. reset reason: connection timeout"),
    ("network", None, "undici: other side closed"),
    (
        "server_error",
        None,
        '{"error":{"message":"The server had an error while processing your request","type":"server_error"}}',
    ),
    ("server_error", 500, '{"error":"llama runner process no longer running: -1"}'),
    ("server_error", 500, "model requires more system memory (8.0 GiB) than is available (4.2 GiB)"),
    ("auth", 403, "Cloudflare: Sorry, you have been blocked"),
    ("auth", None, "No credentials configured for anthropic"),
    ("auth", 401, "The Access Token you supplied is incorrect"),
    ("quota_exhausted", None, "You have hit your usage limit"),
    ("rate_limit", None, "rate_limit_error"),
    ("rate_limit", None, "RESOURCE_EXHAUSTED"),
    ("rate_limit", None, "Too Many Requests"),
    ("quota_exhausted", None, "Daily limit reached"),
    ("capacity", None, "Service temporarily unavailable"),
    ("capacity", None, "429 engine overloaded"),
    ("network", None, "internal network failure (api_error)"),
    ("quota_exhausted", 429, '{"error":{"type":"api_error","message":"Your quota is used up"}}'),
    ("quota_exhausted", 403, "You have no remaining quota on this plan"),
    ("auth", 403, '{"error":{"code":"permission_denied"}}'),
    ("quota_exhausted", 400, "Your credit balance is too low to access the API"),
    ("capacity", None, "No capacity available"),
    (
        "rate_limit",
        None,
        (
            'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    raise '
            "self._make_status_error(err)\nopenai.RateLimitError: Error code: 429 - {'error': {'message': 'slow'}}"
        ),
    ),
    (
        "auth",
        None,
        "Failed to get Copilot token: GET https://api.github.com/copilot_internal/v2/token 401 Unauthorized",
    ),
    ("timeout", None, "Request timed out after 500s"),
    ("quota_exhausted", None, "Add credits to continue: your credit balance is too low"),
    ("aborted", None, "Interrupted by user\nWhat should Claude do instead?"),
]
