//! What is wrong with a form: said on top as a link and at its field, with nothing lost.

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Fault {
    /// The field's name, which is its id as well.
    pub(in crate::admin) field: &'static str,
    /// What is wrong and what to do.
    pub(in crate::admin) text: String,
}

impl Fault {
    pub(in crate::admin) fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }
}

/// Everything that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::admin) struct Faults(pub(in crate::admin) Vec<Fault>);

impl Faults {
    /// What is wrong with this field.
    pub(in crate::admin) fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|fault| fault.field == field).map(|fault| fault.text.as_str())
    }

    pub(in crate::admin) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it as one sentence, for a program.
    pub(in crate::admin) fn sentence(&self) -> String {
        let parts: Vec<String> =
            self.0.iter().map(|fault| format!("{}: {}", fault.field, fault.text)).collect();
        parts.join("; ")
    }
}
