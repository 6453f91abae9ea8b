//! Templates of the kinds that model families use. None of them may raise anything.

use super::report_of;
use crate::report::Verdict;

const CHATML: &str = r"{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const INSTRUCTION_BRACKETS: &str = r"{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system_message = messages[0]['content'] %}
{% else %}{% set rest = messages %}{% set system_message = false %}{% endif %}
{% for message in rest %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles have to take turns') }}{% endif %}
{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}
{% else %}{% set content = message['content'] %}{% endif %}
{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message.role == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}";

const HEADERS_WITH_TOOLS: &str = r#"{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not date_string is defined %}{%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- else %}{%- set date_string = "1 Jan 2025" %}{%- endif %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if builtin_tools is defined %}{{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\n" }}{%- endif %}
{%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\n\n" }}{%- endfor %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("One call at a time") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {%- for arg_name, arg_val in tool_call.arguments | items %}{{- arg_name + '="' + arg_val + '"' }}{%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}
        {{- '{"name": "' + tool_call.name + '", ' }}{{- '"parameters": ' }}{{- tool_call.arguments | tojson }}{{- "}" }}
    {%- elif message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
{%- endfor %}"#;

const MIRROR_WITH_TOOLS: &str = r#"{%- if messages[0]["role"] == "system" %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}{%- set ns.index = 0 %}
{%- for message in loop_messages %}
  {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
    {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}{{- raise_exception("turns") }}{%- endif %}{%- set ns.index = ns.index + 1 %}
  {%- endif %}
{%- endfor %}
{%- for message in loop_messages %}
  {%- if message["role"] == "user" and tools is not none and (message == user_messages[-1]) %}
    {{- "[AVAILABLE_TOOLS] [" }}
    {%- for tool in tools %}{%- set tool = tool.function %}{{- '{"type": "function", "function": {' }}
      {%- for key, val in tool.items() if key != "return" %}{%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}{%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}
      {{- "}}" }}{%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}{%- endfor %}
  {%- elif message["role"] == "tool_results" %}{%- set content = message.content.content if message.content.content is defined else message.content %}{{- content|string }}
    {%- if not message.tool_call_id is defined or message.tool_call_id|length != 9 %}{{- raise_exception("ids") }}{%- endif %}
  {%- endif %}
{%- endfor %}"#;

const TURNS: &str = r"{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}";

const THINKING_WITH_TOOLS: &str = r##"{%- if tools %}{{- '<|im_start|>system\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
{{- "# Tools\n<tools>" }}{%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}{{- "\n</tools>\n{\"name\": <function-name>}\n<|im_end|>\n" }}{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- set reasoning_content = '' %}
    {%- if message.reasoning_content is string %}{%- set reasoning_content = message.reasoning_content %}
    {%- elif '</think>' in content %}
        {%- set reasoning_content = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
        {%- set content = content.split('</think>')[-1].lstrip('\n') %}
    {%- endif %}
    {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
        {{- '<|im_start|>' + message.role + '\n<think>\n' + reasoning_content.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
    {%- endif %}
    {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
    {%- if loop.previtem and loop.previtem.role != 'tool' or loop.nextitem is undefined %}{{- '' }}{%- endif %}
{%- endfor %}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}"##;

const NAMESPACE_FLAGS: &str = r"{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\n\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'assistant' and message['tool_calls'] is defined %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls'] %}{{'<｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\n' + '```json' + '\n' + tool['function']['arguments'] + '\n' + '```'}}{%- endfor %}{%- endif %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{%- endfor -%}";

const ENDS: &str = "{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}";

const MACROS: &str = r#"{%- macro json_to_python_type(json_spec) %}
{%- set basic_type_map = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"} %}
{%- if basic_type_map[json_spec.type] is defined %}{{- basic_type_map[json_spec.type] }}
{%- elif json_spec.type == "array" %}{{- "list[" + json_to_python_type(json_spec|items) + "]" }}
{%- elif json_spec.type is iterable %}{{- "Union[" }}{%- for t in json_spec.type %}{{- json_to_python_type({"type": t}) }}{%- if not loop.last %}{{- "," }}{%- endif %}{%- endfor %}{{- "]" }}
{%- else %}{{- "Any" }}{%- endif %}
{%- endmacro %}
{%- for tool in tools %}{%- if tool.function is defined %}{%- set tool = tool.function %}{%- endif %}
{%- for param_name, param_fields in tool.parameters.properties|items %}{{- param_name + ": " + json_to_python_type(param_fields) }}{%- endfor %}
{%- set params = tool.parameters['properties'] %}{%- for name in params|sort %}{{ params[name]['description'] | default('', true) }}{% endfor %}
{%- endfor %}{%- for message in messages %}{{ message.role ~ message.content }}{% endfor %}"#;

const RENDER_EXTRA_KEYS: &str = r#"{% macro render_extra_keys(json_dict, handled_keys) %}{%- if json_dict is mapping %}{%- for json_key in json_dict if json_key not in handled_keys %}
{%- if json_dict[json_key] is mapping or (json_dict[json_key] is sequence and json_dict[json_key] is not string) %}{{- '\n<' ~ json_key ~ '>' ~ (json_dict[json_key] | tojson | safe) ~ '</' ~ json_key ~ '>' }}
{%- else %}{{- '\n<' ~ json_key ~ '>' ~ (json_dict[json_key] | string) ~ '</' ~ json_key ~ '>' }}{%- endif %}{%- endfor %}{%- endif %}{% endmacro %}
{%- for message in messages %}{{ render_extra_keys(message, ['role', 'content']) }}{% endfor %}"#;

const IMAGES: &str = "{% set image_count = namespace(value=0) %}{% for message in messages %}{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}{% endfor %}";

const TRAINING: &str = "{% for message in messages %}{% if message.role == 'assistant' %}{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ message['content'] }}{% continue %}{% endif %}{% endfor %}";

const PLAIN: &str = "A talk between a person and a model. {% for m in messages %}{{ {'user': 'USER', 'assistant': 'ASSISTANT'}[m['role']] }}: {{ m['content'] }}{{ ' ' if m.role == 'user' else '</s>' }}{% endfor %}";

const COMMAND: &str = r#"{%- set user_messages, tool_messages = [], [] -%}{%- set tool_idx = namespace(value=0) -%}{% set tool_ids_seen = namespace(value=[]) -%}
{%- for msg in messages -%}{%- for tc in msg.tool_calls -%}{%- set tool_ids_seen.value = tool_ids_seen.value + [tc.id] -%}
{%- if tool_ids_seen.value.index(tc.id) == 0 %}{{ '{"tool_call_id": "' ~ loop.index0 ~ '"}' }}{% endif -%}{%- endfor -%}{%- endfor -%}
{%- if documents %}{% set safety = safety_mode|default("CONTEXTUAL")|upper %}{% for doc in documents %}{{ loop.cycle('a', 'b') }}{{ doc['title']|replace('\n', ' ') }}{{ "%02d"|format(loop.index) }}{% endfor %}{% endif %}
{%- for k in messages[0].keys() | list | sort(reverse=true) | unique -%}{{ messages[0][k] }}{%- endfor -%}
{%- set text | trim %} a {{ messages[0].content }} {% endset %}{{ text }}{{ messages|map(attribute='content')|join('\n') }}{{ messages | groupby('role') | length }}{{ joiner(', ')() }}"#;

const CHANNELS: &str = r#"{%- macro render_typescript_type(param_spec, required_params, is_nullable=false) -%}{%- if param_spec.type == "array" -%}{%- if param_spec['items'] -%}{{- render_typescript_type(param_spec['items'], required_params) + '[]' }}{%- endif -%}
{%- elif param_spec.enum -%}{{- '"' + param_spec.enum|join('" | "') + '"' -}}{%- elif param_spec.oneOf -%}{%- for variant in param_spec.oneOf -%}{{- render_typescript_type(variant, required_params) -}}{{- " | " if not loop.last }}{%- endfor -%}{%- endif -%}{%- endmacro -%}
{%- macro build_system_message() -%}{{- "Knowledge cutoff: 2024-06\n" }}{{- "Current date: " + strftime_now("%Y-%m-%d") + "\n\n" }}{%- if reasoning_effort is not defined %}{%- set reasoning_effort = "medium" %}{%- endif %}{{- "Reasoning: " + reasoning_effort + "\n\n" }}{%- endmacro -%}
{{- "<|start|>system<|message|>" }}{{- build_system_message() }}{{- "<|end|>" }}
{%- for message in loop_messages -%}{%- if "thinking" in message or message.get("content") -%}{%- set future = namespace(found=false) %}{%- for f in loop_messages[loop.index:] if f.role == 'assistant' %}{%- set future.found = true %}{%- endfor %}{{- message.content|default("", true) }}{%- endif -%}{%- endfor -%}
{%- for message in messages if message.role in ["user", "assistant"] recursive %}{{ message.role }}{% endfor %}"#;

#[test]
fn templates_of_model_families_raise_nothing() {
    let templates = [
        CHATML,
        INSTRUCTION_BRACKETS,
        HEADERS_WITH_TOOLS,
        MIRROR_WITH_TOOLS,
        TURNS,
        THINKING_WITH_TOOLS,
        NAMESPACE_FLAGS,
        ENDS,
        MACROS,
        RENDER_EXTRA_KEYS,
        IMAGES,
        TRAINING,
        PLAIN,
        COMMAND,
        CHANNELS,
    ];
    for template in templates {
        let report = report_of(template);
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{template}\n{report:#?}");
    }
}
