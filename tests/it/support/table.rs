//! Tables of attacks, each with the test that holds it off.

use super::gateway::repository;

/// Every source file of program and tests, in one text.
fn sources() -> String {
    let mut all = String::new();
    let mut directories = vec![repository().join("src"), repository().join("tests/it")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

/// Fails where a row of the table names a test that is not there; says how many rows there are.
pub fn each_test_is_there(table: &str) -> usize {
    let sources = sources();
    let rows = table.lines().filter(|line| line.starts_with("//! | "));
    let tests = rows.filter_map(|row| row.rsplit('`').nth(1).filter(|_| row.ends_with("` |")));
    let mut count = 0;
    for test in tests {
        assert!(sources.contains(&format!("fn {test}(")), "there is no test {test}");
        count += 1;
    }
    count
}
