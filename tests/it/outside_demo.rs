//! The demo keeps what it prints: each line is run as a person would who copies it.

use crate::support::demo::Demo;
use crate::support::gateway::{eventually, repository};
use crate::support::outside::run;

/// The curl lines with the number that the comment above each promises.
fn promises(demo: &Demo) -> Vec<(String, String)> {
    let pairs = demo.printed().windows(2).filter(|pair| pair[1].trim_start().starts_with("curl "));
    let promised = |comment: &str| {
        let after = comment.split_once(": ").unwrap_or_else(|| panic!("{comment}")).1;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        assert_eq!(digits.len(), 3, "{comment}");
        digits
    };
    pairs.map(|pair| (promised(&pair[0]), pair[1].clone())).collect()
}

#[test]
fn outside_every_curl_line_of_the_demo_does_what_it_says() {
    let demo = Demo::start();
    let promises = promises(&demo);
    assert!(promises.len() >= 4, "{:#?}", demo.printed());
    for (promised, line) in &promises {
        let output = run("sh", ["-c", line]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.trim(), promised, "{line}");
    }
    for code in ["200", "403"] {
        assert!(promises.iter().any(|(promised, _)| promised == code), "no line shows {code}");
    }
    let traveller = format!("-u '{}:{}'", demo.traveller().0, demo.traveller().1);
    assert!(promises.iter().any(|(code, line)| code == "200" && line.contains(&traveller)));
}

#[test]
fn outside_every_other_command_and_address_of_the_demo_works() {
    let demo = Demo::start();
    let programs: Vec<&String> =
        demo.printed().iter().filter(|line| line.contains(" --config ")).collect();
    assert!(programs.len() >= 4, "{:#?}", demo.printed());
    for line in programs {
        // The log shows its first entries when they are flushed.
        eventually(line, || {
            let output = run("sh", ["-c", line]);
            assert!(output.status.success(), "{line}: {output:?}");
            !output.stdout.is_empty()
        });
    }
    let urls = demo.printed().iter().flat_map(|line| line.split_whitespace());
    let urls: Vec<&str> =
        urls.filter(|word| word.starts_with("http://") && !word.contains('\'')).collect();
    assert!(urls.len() >= 6, "{urls:?}");
    for url in urls {
        let output = run("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", url]);
        let code = String::from_utf8(output.stdout).unwrap();
        assert!(["200", "401", "403"].contains(&code.as_str()), "{url}: {code}");
    }
}

/// The block of the README that drives the demo, with the demo's address and password in it, and the
/// numbers that its comments promise.
fn readme(demo: &Demo) -> (String, Vec<String>) {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let start = readme.find("URL=http://127.0.0.1:8080 PASSWORD=").expect("the block");
    let block = readme[start..].split("```").next().unwrap();
    let promised = block.lines().filter_map(|line| line.rsplit_once("# "));
    let promised = promised.map(|(_, promise)| promise[..3].to_owned()).collect();
    let url = demo.line(|line| line.contains("curl ")).rsplit(' ').next().unwrap();
    let block = block
        .replace("http://127.0.0.1:8080", url.trim_end_matches('/'))
        .replace("as-the-demo-printed-it", &demo.traveller().1);
    (block, promised)
}

#[test]
fn outside_the_readme_drives_the_demo() {
    let demo = Demo::start();
    let (block, promised) = readme(&demo);
    assert!(promised.len() >= 9, "{block}");
    let output = run("bash", ["-c", &block]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(printed, promised, "{block}");
}
