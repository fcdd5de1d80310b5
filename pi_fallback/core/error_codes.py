"""Error codes: what the documented codes, types and finish reasons of the dialects mean, in lower case.

Sources, as of November 2026: developers.openai.com/api/docs/guides/error-codes and the `ResponseError` of its
SDK; platform.claude.com/docs/en/api/errors and /handling-stop-reasons, and the error details of its SDK;
ai.google.dev/gemini-api/docs/troubleshooting, google/rpc/code.proto, google/api/error_reason.proto and the
`FinishReason` of its SDK; learn.microsoft.com for Azure; openai/codex for ChatGPT's own.
"""

from collections.abc import Iterable, Mapping

from pi_fallback_hookspecs import FailureKind as K

VENDORS = {
    "zai": "zhipu",
    "z.ai": "zhipu",
    "zhipu": "zhipu",
    "glm": "zhipu",
    "bigmodel": "zhipu",
    "minimax": "minimax",
    "google": "google",
    "gemini": "google",
    "vertex": "google",
    "mistral": "mistral",
}
"""Parts of names of providers and APIs whose codes are mere numbers, which mean something else with each."""


def _table(names: Mapping[K, Iterable[str]]) -> Mapping[str, K]:
    return {name: kind for kind, of_kind in names.items() for name in of_kind}


CODES = _table(
    {
        K.QUOTA_EXHAUSTED: (
            "insufficient_quota",  # OpenAI, as 429; one of the four below may say more
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "project_spend_limit_exceeded",
            "billing_hard_limit_reached",
            "billing_not_active",
            "usage_limit_reached",  # ChatGPT's plans, also as 404
            "usage_not_included",
            "billing_error",  # Anthropic
            "contract_spend_limit_reached",
            "enforced_spend_limit_reached",
            "linked_organization_billing_unavailable",
            "linked_organization_spend_limit_reached",
            "billing_disabled",  # Google
            "quota_exhausted",
            "resource_quota_exceeded",
            "payment_required",
        ),
        K.RATE_LIMIT: (
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limited",  # Mistral
            "slow_down",  # OpenAI: requests grew too fast
            "ramp_limit_exceeded",  # Anthropic: the same
            "resource_exhausted",  # Google, also for spent quotas, which its reason or a long wait tell
        ),
        K.CAPACITY: (
            "server_is_overloaded",  # OpenAI: the model has too little capacity
            "overloaded_error",  # Anthropic
            "unavailable",  # Google: "temporarily running out of capacity", switch to another model
            "model_capacity_exhausted",
            "overloaded",
            "engine_overloaded",
            "model_overloaded",
        ),
        K.AUTH: (
            "invalid_api_key",
            "ip_not_authorized",
            "mismatched_organization",
            "account_deactivated",
            "unsupported_country_region_territory",
            "token_expired",  # ChatGPT
            "authentication_error",  # Anthropic
            "permission_error",
            "organization_on_hold",
            "unauthenticated",  # Google
            "permission_denied",
            "failed_precondition",  # no free tier in this country
            "api_key_invalid",  # as 400
            "api_key_service_blocked",
            "api_key_ip_address_blocked",
            "api_key_http_referrer_blocked",
            "access_token_expired",
            "access_token_scope_insufficient",
            "consumer_invalid",
            "consumer_suspended",
            "service_disabled",
            "user_project_denied",
        ),
        K.CONTEXT_OVERFLOW: (
            "context_length_exceeded",  # OpenAI
            "string_above_max_length",
            "exceed_context_size_error",  # llama.cpp
        ),
        K.CONTENT_POLICY: (
            "content_policy_violation",
            "image_content_policy_violation",
            "misalignment_policy_violation",
            "cyber_policy",
            "bio_policy",
            "invalid_prompt",  # OpenAI: the prompt was flagged
            "content_filter",  # Azure, and a finish reason
            "responsibleaipolicyviolation",
        ),
        K.INVALID_REQUEST: (
            "invalid_encrypted_content",  # OpenAI: reasoning of another account
            "data_residency_mismatch",
            "unsupported_parameter",
            "unsupported_file",
            "invalid_image",
            "invalid_image_format",
            "invalid_image_mode",
            "invalid_image_url",
            "invalid_base64_image",
            "image_too_large",
            "image_too_small",
            "image_file_too_large",
            "image_file_not_found",
            "image_parse_error",
            "empty_image_file",
            "failed_to_download_image",
            "unsupported_image_media_type",
        ),
        K.MODEL_NOT_FOUND: (
            "model_not_found",  # OpenAI
            "not_found_error",  # Anthropic
            "not_found",  # Google
            "deploymentnotfound",  # Azure
        ),
        K.TIMEOUT: ("timeout_error", "deadline_exceeded", "vector_store_timeout"),
        K.NETWORK: ("network_error",),
        K.SERVER_ERROR: ("server_error", "internal_server_error"),
    }
)
"""What says more than the status that it comes with: a spent quota is sent as 429, a bad key as 400."""

OF_BYTES = frozenset({"request_too_large", "request_body_too_large_after_decoding"})  # the first is Anthropic's
"""What is said of the body's size, before any model has seen it: a window is not the matter."""

VAGUE = _table(
    {
        K.INVALID_REQUEST: ("invalid_request_error", "invalid_request", "invalid_argument", "out_of_range"),
        K.SERVER_ERROR: ("api_error", "internal", "unknown", "service_unavailable_error"),
    }
)
"""What says less than the status, and is asked where there is none: in the middle of a stream."""

PAIRS: Mapping[tuple[int, str], K] = {
    (413, "rate_limit_exceeded"): K.CONTEXT_OVERFLOW,  # one request larger than what a minute allows
}
"""What means something else together."""

FINISHES = _table(
    {
        K.OUTPUT_LIMIT: ("length", "max_tokens", "max_output_tokens"),
        K.CONTENT_POLICY: (
            "refusal",  # Anthropic
            "sensitive",
            "safety",  # Google: finish reasons, and reasons for which it blocks a prompt
            "recitation",
            "language",
            "blocklist",
            "prohibited_content",
            "spii",
            "escalation",
            "model_armor",
            "jailbreak",
            "image_safety",
            "image_prohibited_content",
            "image_recitation",
        ),
        K.CONTEXT_OVERFLOW: ("model_context_window_exceeded",),  # Anthropic
        K.CAPACITY: ("insufficient_system_resource",),  # DeepSeek
        K.AUTH: ("pup_limited_disabled",),  # Google: the account is limited
        K.INVALID_REQUEST: ("missing_thought_signature",),
        K.SERVER_ERROR: (
            "malformed_function_call",  # Google: what the model wrote cannot be read
            "malformed_response",
            "unexpected_tool_call",
            "too_many_tool_calls",
            "cancelled",  # OpenAI: the status of a response that nobody here has cancelled
            "incomplete",
        ),
    }
)
"""What an answer may end with and be none. As a code of an error some of these words mean something else."""

OPEN = frozenset(
    {
        "rate_limit_exceeded",  # also of a day, of a request that is too large, and of a gateway with no room
        "rate_limit_error",
        "rate_limited",
        "resource_exhausted",
        "slow_down",
        "quota_exhausted",  # Gemini CLI: also of a minute
        "unavailable",
        "overloaded_error",  # of a gateway whose quota is spent
        "overloaded",
        "permission_error",  # of a plan that does not hold it
        "permission_denied",
        "failed_precondition",
        "not_found_error",
        "not_found",
        "server_error",  # of a gateway, about anything
        "internal_server_error",
        "network_error",
        "timeout_error",
        "deadline_exceeded",
        "invalid_prompt",
    }
)
"""What says less than the words beside it. All other codes say more."""

NUMBERS: Mapping[tuple[str, str], K] = {
    (vendor, number): kind
    for vendor, kinds in {
        # docs.z.ai/api-reference/api-code
        "zhipu": {
            K.AUTH: "1000 1001 1002 1003 1004 1100 1110 1111 1112 1121",
            K.QUOTA_EXHAUSTED: "1113 1304 1308 1309 1310 1311",
            K.RATE_LIMIT: "1302 1303",
            K.CAPACITY: "1305 1312",
            K.CONTEXT_OVERFLOW: "1261",
            K.CONTENT_POLICY: "1301",
            K.MODEL_NOT_FOUND: "1211 1220 1221 1222",
            K.INVALID_REQUEST: "1210 1212 1213 1214 1215",
            K.SERVER_ERROR: "1120 1230 1234 500",
        },
        # platform.minimax.io/docs/api-reference/errorcode
        "minimax": {
            K.TIMEOUT: "1001",
            K.RATE_LIMIT: "1002 1041 2045",
            K.AUTH: "1004 2049",
            K.QUOTA_EXHAUSTED: "1008 2056",
            K.CONTENT_POLICY: "1026 1027",
            K.CONTEXT_OVERFLOW: "1039",
            K.INVALID_REQUEST: "1042 2013 2037",
            K.SERVER_ERROR: "1000 1013 1024 1033",
        },
        # google/rpc/code.proto, as a number in place of its name
        "google": {
            K.INVALID_REQUEST: "3",
            K.TIMEOUT: "4",
            K.MODEL_NOT_FOUND: "5",
            K.AUTH: "7 16",
            K.RATE_LIMIT: "8",
            K.SERVER_ERROR: "13",
            K.CAPACITY: "14",
        },
        "mistral": {K.RATE_LIMIT: "1300", K.CAPACITY: "3505", K.MODEL_NOT_FOUND: "1500"},
    }.items()
    for kind, numbers in kinds.items()
    for number in numbers.split()
}
"""Codes that are mere numbers, by vendor."""

CLASSES: Mapping[str, int] = {
    "ratelimiterror": 429,
    "throttlingexception": 429,
    "toomanyrequestsexception": 429,
    "servicequotaexceededexception": 429,
    "authenticationerror": 401,
    "unrecognizedclientexception": 401,
    "permissiondeniederror": 403,
    "accessdeniedexception": 403,
    "notfounderror": 404,
    "resourcenotfoundexception": 404,
    "badrequesterror": 400,
    "invalidrequesterror": 400,
    "validationexception": 400,
    "unprocessableentityerror": 422,
    "internalservererror": 500,
    "internalserverexception": 500,
    "serviceunavailableerror": 503,
    "serviceunavailableexception": 503,
    "overloadederror": 529,
}
"""Names of the exceptions of SDKs (openai, anthropic, litellm, botocore), in lower case, and the status of each."""
