mod honest;

use proptest::prelude::*;

use super::super::testing::report_within;
use super::super::testing::severity_of;
use crate::report::{Report, Severity, Verdict};
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints, Limits};

/// The report of a file named `chat_template.jinja`.
fn report_of(template: &str) -> Report {
    let hints = Hints { name: "chat_template.jinja".into() };
    let source = std::rc::Rc::new(template.as_bytes().to_vec());
    Engine::new(Limits::default(), Rules::default()).scan(source, &hints, &mut |_| {})
}

fn assert_raises(rule: &str, severity: Severity, templates: &[&str]) {
    for template in templates {
        let report = report_of(template);
        assert_eq!(severity_of(&report, rule), Some(severity), "{template}: {report:#?}");
    }
}

#[test]
fn attributes_of_pythons_internals() {
    assert_raises(
        "jinja.escape",
        Severity::Critical,
        &[
            "{{ ''.__class__ }}",
            "{{ messages.__init__.__globals__ }}",
            "{% if x.__class__ %}{% endif %}",
            "{% for c in ().__class__.__base__.__subclasses__() %}{% endfor %}",
            "{% set x = cycler.__init__.__globals__.os %}",
            "{{ raise_exception.__globals__ }}",
            "{{ self._TemplateReference__context.x.__init__ }}",
            "{% macro m(a=x.__class__) %}{% endmacro %}",
            "{% generation %}{{ x.__class__ }}{% endgeneration %}",
            "{{ messages | map(attribute='role') | list if x.__class__ else '' }}",
            "{{ x is sameas x.__class__ }}",
            "{{ func.gi_frame.f_back }}",
            "{%- set ns = namespace(a=x.__class__) -%}",
            "{{ '}}' }}{{ {'a': {'b': x.__class__}} }}",
        ],
    );
}

#[test]
fn names_put_together_j02() {
    assert_raises(
        "jinja.escape",
        Severity::Critical,
        &[
            "{{ ''['__cl' ~ 'ass__'] }}",
            "{{ ''['__cl' + 'ass__'] }}",
            "{{ ''['__cl' 'ass__'] }}",
            r"{{ ''['\x5f\x5fclass\x5f\x5f'] }}",
            r"{{ ''['\137\137class\137\137'] }}",
            r"{{ ''['\u005f\u005fclass\N{LOW LINE}_'] }}",
            "{{ ''|attr('__class__') }}",
            "{{ ''|attr('__cl%sss__' % 'a') }}",
            "{{ ''|attr('%c%cclass%c%c' % (95, 95, 95, 95)) }}",
            "{{ ''|attr('%s%s'|format('__cla', 'ss__')) }}",
            "{{ ''|attr('{}{}'.format('__cla', 'ss__')) }}",
            "{{ ''|attr('{0:c}{0:c}class{0:c}{0:c}'.format(95)) }}",
            "{{ ''|attr(['__cla', 'ss__']|join) }}",
            "{{ ''|attr('_'.join(['', '', 'class', '', ''])) }}",
            "{{ ''|attr(dict(__cla=1, ss__=2)|join) }}",
            "{{ ''|attr(dict(__class__=1)|list|first) }}",
            "{{ ''|attr('__ssalc__'|reverse) }}",
            "{{ ''['__ssalc__'[::-1]] }}",
            "{{ ''['x__class__x'[1:-1]] }}",
            "{{ ''|attr('--class--'|replace('-', '_')) }}",
            "{{ ''|attr('--class--'.replace('-', '_')) }}",
            "{{ ''|attr('__CLASS__'|lower) }}",
            "{{ ''['_' * 2 ~ 'class' ~ '_' * 2] }}",
            "{% set a = '__cla' %}{% set b = 'ss__' %}{{ ''[a ~ b] }}",
            "{% set ns = namespace(a='__cla') %}{% set ns.b = 'ss__' %}{{ ''[ns.a ~ ns.b] }}",
            "{% set a %}__cla{% endset %}{{ ''[a ~ 'ss__'] }}",
            "{% for n in ['__class__', 'x'] %}{{ ''[n] }}{% endfor %}",
            "{% for i in x %}{{ ''[ns.a ~ 'ss__'] }}{% set ns.a = '__cla' %}{% endfor %}",
            "{% with a='__cl', b='ass__' %}{{ ''[a ~ b] }}{% endwith %}",
            "{{ [x]|map(attribute='__class__')|list }}",
            "{{ [x]|map(attribute='role.__class__.__base__')|list }}",
            "{{ [x]|map('attr', '__cl' ~ 'ass__')|list }}",
            "{{ [x]|groupby('__class__') }}",
            "{{ [x]|sum(attribute='__class__') }}",
            "{{ '{0.__class__.__init__}'.format(x) }}",
            "{{ ('{0.__cl' ~ 'ass__}').format(x) }}",
            "{{ ''[('__cla', 'x')[0] ~ 'ss__'] }}",
            "{{ ''['__class__' if x else 'y'] }}",
            "{{ ''[nothing or '__class__'] }}",
        ],
    );
}

#[test]
fn names_that_only_the_renderer_knows_j02() {
    assert_raises(
        "jinja.dynamic-attribute",
        Severity::High,
        &[
            "{{ ''|attr(request.args.c) }}",
            "{{ ''|attr(messages[0]['content']) }}",
            "{{ ''|attr((x|select|string)[24] * 2 ~ 'class') }}",
            "{{ [x]|map('attr', messages[0].role)|list }}",
            "{% macro m() %}__cla{% endmacro %}{{ ''|attr(m() ~ 'ss__') }}",
        ],
    );
    assert_raises(
        "jinja.dynamic-attribute",
        Severity::Medium,
        &[
            "{{ ''[(x|select|string)[24] ~ 'class'] }}",
            "{{ ''['__' ~ name ~ '__'] }}",
            "{{ [x]|map(attribute=messages[0].content)|list }}",
            "{{ ''[('x' * 2000 ~ '__class__')[2000:]] }}",
            "{{ ''[dict(__ｃlass__=1)|list|first] }}",
        ],
    );
}

#[test]
fn functions_taken_apart_and_objects_of_web_frameworks() {
    assert_raises(
        "jinja.foreign-global",
        Severity::High,
        &["{{ lipsum|attr(x) }}", "{{ cycler['x'] }}", "{{ joiner.x }}"],
    );
    assert_raises(
        "jinja.foreign-global",
        Severity::Medium,
        &["{{ config.items() }}", "{{ request.args }}", "{{ self.x }}"],
    );
}

#[test]
fn other_templates() {
    assert_raises(
        "jinja.include",
        Severity::Medium,
        &[
            "{% include '/etc/hostname' %}",
            "{% from 'a' import b with context %}",
            "{% extends x %}",
            "{% import 'a' as b %}",
        ],
    );
}

#[test]
fn numbers_that_stop_the_renderer_j04() {
    assert_raises(
        "jinja.resource",
        Severity::Low,
        &["{% for i in range(10**9) %}{% endfor %}", "{{ 'x' * 1000000000 }}"],
    );
}

#[test]
fn text_that_is_not_seen_j12() {
    assert_raises("jinja.hidden-text", Severity::Low, &["{{ x }}\u{202e}", "a\u{200b}b{{ x }}", "{{ x }}\u{e0041}"]);
}

#[test]
fn what_cannot_be_parsed_is_not_clean() {
    assert_raises(
        "jinja.unparsable",
        Severity::Medium,
        &[
            "{{ x",
            "{% if %}",
            "{{ x y }}",
            "{# x",
            "{% raw %}{{",
            "{{ 'x }}",
            "{% unknown_tag x %}",
            "{{ a ? b : c }}",
            "{{ (x] }}",
        ],
    );
}

#[test]
fn raw_text_and_comments_are_no_code() {
    for template in ["{% raw %}{{ x.__class__ }}{%- endraw -%}{{ x }}", "{# {{ x.__class__ }} #}{{ x }}"] {
        assert_eq!(report_of(template).verdict, Verdict::Clean, "{template}");
    }
}

#[test]
fn prose_about_python_is_no_escape() {
    let report = report_of("{{ 'You may call __import__ and define __init__ methods.' }} __class__");
    assert_eq!(report.verdict, Verdict::Clean, "{report:#?}");
}

#[test]
fn a_template_without_a_name_is_recognised_by_its_words() {
    let by_content = |text: &str| report_within(text.as_bytes(), Limits::default()).verdict;
    assert_eq!(by_content("{% for message in messages %}{{ message.role }}{% endfor %}"), Verdict::Clean);
    assert_eq!(by_content("{{ x.__class__ }}"), Verdict::Malicious);
    assert_eq!(by_content("{% load i18n %}{% for m in messages %}<li>{{ m }}</li>{% endfor %}"), Verdict::NotAModel);
    assert_eq!(by_content("A page that explains {{ x.__class__ }}"), Verdict::NotAModel);
}

#[test]
fn a_template_that_computes_without_end_is_not_followed() {
    let template = format!("{{% set a = 'x' %}}{}", "{% set a = a ~ a %}".repeat(30_000));
    let report = report_of(&template);
    assert!(report.verdict == Verdict::Clean || report.verdict == Verdict::Unscannable, "{report:#?}");
    let deep = format!("{{{{ {}x{} }}}}", "(".repeat(50_000), ")".repeat(50_000));
    assert_eq!(severity_of(&report_of(&deep), "jinja.unparsable"), Some(Severity::Medium));
    let nested = format!("{{% set a = [] %}}{}", "{% set a = [a, a] %}".repeat(30_000));
    report_of(&nested);
    let long = format!("{{{{ x{} }}}}", ".a".repeat(40_000));
    report_of(&long);
    report_of(&"x".repeat(3 << 20));
}

const PIECES: &[&str] = &[
    "{{", "}}", "{%", "%}", "{#", "#}", "for ", "in ", "x", "if ", "set ", "=", "(", ")", "[", "]", "'__cl'", "~", "|",
    "attr", "-", ":", ",", "{", "}", " ", "'", "\\x5f", "raw", "endraw", "is ", "not ", "1", "*", "%", ".",
];

proptest! {
    #[test]
    fn arbitrary_templates_never_panic(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        report_of(&pieces.concat());
        report_of(&format!("{{{{ {} }}}}", pieces.concat()));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        report_of(&text);
        report_of(&format!("{{{{ {text} }}}}"));
    }

    #[test]
    fn slices_are_those_of_python(text in "[a-e]{0,6}", start in -8_i64..8, step in -3_i64..4) {
        let _ = report_of(&format!("{{{{ '{text}'[{start}::{step}] }}}}"));
    }
}
