//! A small reader of HTML, strict where browsers forgive.

use std::collections::BTreeMap;

/// One opening tag.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
}

const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];

/// Reads a document and says where it is not well-formed: an unclosed or wrongly nested tag, an
/// attribute without quotes or given twice, a bare `<` or `>` in the text.
pub(super) fn read(document: &str) -> Result<Vec<Element>, String> {
    let mut rest = document.strip_prefix("<!doctype html>").ok_or("no doctype")?;
    let mut open: Vec<String> = Vec::new();
    let mut elements = Vec::new();
    while let Some(start) = rest.find('<') {
        if rest[..start].contains('>') {
            return Err(format!("bare > in {:?}", &rest[..start]));
        }
        let end = start + rest[start..].find('>').ok_or("a tag does not end")?;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        let element = element(tag)?;
        if element.name == "style" {
            let close = rest.find("</style>").ok_or("the style does not end")?;
            rest = &rest[close..];
        }
        if !VOID.contains(&element.name.as_str()) {
            open.push(element.name.clone());
        }
        elements.push(element);
    }
    if rest.contains('>') {
        return Err(format!("bare > in {rest:?}"));
    }
    if open.is_empty() { Ok(elements) } else { Err(format!("not closed: {open:?}")) }
}

fn element(tag: &str) -> Result<Element, String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Err(format!("no element: {tag:?}"));
    }
    let mut attributes = BTreeMap::new();
    rest = rest.trim();
    while !rest.is_empty() {
        let key_end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let key = rest[..key_end].to_owned();
        let value = match rest[key_end..].strip_prefix("=\"") {
            Some(after) => {
                let end = after.find('"').ok_or(format!("unquoted: {tag:?}"))?;
                rest = after[end + 1..].trim_start();
                after[..end].to_owned()
            }
            None if rest[key_end..].starts_with('=') => return Err(format!("unquoted: {tag:?}")),
            None => {
                rest = rest[key_end..].trim_start();
                String::new()
            }
        };
        if attributes.insert(key.clone(), value).is_some() {
            return Err(format!("{key} twice: {tag:?}"));
        }
    }
    Ok(Element { name: name.to_owned(), attributes })
}

#[test]
fn the_reader_finds_what_is_wrong() {
    let whole = |body: &str| read(&format!("<!doctype html>{body}")).is_ok();
    assert!(whole("<p class=\"a\" hidden>x<br></p>"));
    for broken in ["<p>", "<p></b>", "<p class=a></p>", "<p a=\"\" a=\"\"></p>", "a > b", "<P></P>"]
    {
        assert!(!whole(broken), "{broken}");
    }
}
