//! What a bundle is made of, as trees of figures and parts: one description that is hashed, compared and put in words.
//!
//! Names that only people use are no part of it: what is called otherwise and is the same has the same tree.

mod attempt;
mod figure;
pub(crate) mod fleet;
pub(crate) mod protect;
pub(crate) mod route;
mod test;

pub(crate) use figure::{Figure, Guard};

/// One thing with its figures and the things in it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its place in what holds it: `try`, `otherwise`, `judge`; empty where there is only one.
    pub(crate) role: &'static str,
    /// What it is: `target`, `fallback`, `price`.
    pub(crate) kind: &'static str,
    /// What it is known by everywhere; empty where it has no such name.
    pub(crate) name: Box<str>,
    /// What people call it here. Not compared.
    pub(crate) label: Option<Box<str>>,
    /// In a fixed order; what is not written is left out.
    pub(crate) figures: Vec<(&'static str, Figure)>,
    /// In an order that means something.
    pub(crate) parts: Vec<Part>,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.is_called_as(other) && self.figures == other.figures && self.parts == other.parts
    }
}

impl Part {
    /// A part without figures.
    pub(crate) fn new(kind: &'static str, name: &str) -> Self {
        Self {
            role: "",
            kind,
            name: name.into(),
            label: None,
            figures: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// In another place.
    pub(crate) fn at(mut self, role: &'static str) -> Self {
        self.role = role;
        self
    }

    /// With a figure.
    pub(crate) fn with(mut self, word: &'static str, figure: Figure) -> Self {
        self.figures.push((word, figure));
        self
    }

    /// With a figure, where there is one.
    pub(crate) fn maybe(self, word: &'static str, figure: Option<Figure>) -> Self {
        match figure {
            Some(figure) => self.with(word, figure),
            None => self,
        }
    }

    /// With a word that is there or is not.
    pub(crate) fn flag(self, word: &'static str, set: bool) -> Self {
        self.maybe(word, set.then_some(Figure::Yes))
    }

    /// With a part in it.
    pub(crate) fn holding(mut self, part: Self) -> Self {
        self.parts.push(part);
        self
    }

    /// Whether both are the same thing, whatever their figures are.
    pub(crate) fn is_called_as(&self, other: &Self) -> bool {
        (self.role, self.kind, &*self.name) == (other.role, other.kind, &*other.name)
    }

    /// A figure.
    pub(crate) fn figure(&self, word: &str) -> Option<&Figure> {
        let mut figures = self.figures.iter();
        figures.find(|(w, _)| *w == word).map(|(_, figure)| figure)
    }

    /// Every part, this one first.
    pub(crate) fn each<'p>(&'p self, visit: &mut impl FnMut(&'p Self)) {
        visit(self);
        self.parts.iter().for_each(|p| p.each(visit));
    }

    /// What people call it, short.
    pub(crate) fn title(&self) -> String {
        match &self.label {
            Some(label) => label.to_string(),
            None if self.name.is_empty() => self.kind.to_owned(),
            None if matches!(self.kind, "target" | "test") => self.name.to_string(),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    /// It, its figures and its parts in one line, close to how policies write it.
    pub(crate) fn line(&self) -> String {
        let line = self.condition().unwrap_or_else(|| self.thing());
        if self.role.is_empty() {
            line
        } else {
            format!("{} {line}", self.role)
        }
    }

    /// What has a name is told by it, but for what belongs to its place.
    fn thing(&self) -> String {
        let named = self.label.is_some();
        let told = |word: &str| !named || matches!(word, "share" | "weight" | "when");
        let figures = self.figures.iter().filter(|(word, _)| told(word));
        let figures = figures.map(|(word, figure)| figure.said(word));
        let mut words: Vec<String> = std::iter::once(self.title()).chain(figures).collect();
        if !named && !self.parts.is_empty() {
            let parts: Vec<String> = self.parts.iter().map(Self::line).collect();
            words.push(format!("{{ {} }}", parts.join("; ")));
        }
        words.join(" ")
    }

    /// Where it is a condition.
    fn condition(&self) -> Option<String> {
        let parts = || self.parts.iter().map(Self::line).collect::<Vec<_>>();
        let figure = |word| self.figure(word).map(Figure::words);
        match self.kind {
            "all" => Some(parts().join(" and ")),
            "any" => Some(format!("({})", parts().join(" or "))),
            "not" => Some(format!("not ({})", parts().concat())),
            "test" => Some(format!(
                "{} {} {}",
                self.name,
                figure("sign")?,
                figure("value")?
            )),
            _ => None,
        }
    }
}
