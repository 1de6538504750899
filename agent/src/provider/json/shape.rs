//! What a dialect wants of a document.

/// The paths that are wanted, as a tree.
#[derive(Debug)]
pub(in crate::provider) struct Shape(Vec<Node>);

/// One step of a path.
#[derive(Debug, Default)]
struct Node {
    /// Name of the member; [`ELEMENT`] for the elements of a list.
    key: &'static str,
    /// Each with its key.
    children: Vec<(&'static str, usize)>,
    /// Bytes that are kept of a string that stands here.
    cap: usize,
}

/// How a path says "each element".
const ELEMENT: &str = "[]";

/// The document itself.
pub(super) const ROOT: usize = 0;

impl Shape {
    /// A shape of paths such as `choices[].finish_reason`, each with how many bytes of a string are kept
    /// there. With 0 a string is measured and not kept; numbers and truth values are kept in any case.
    pub(in crate::provider) fn new(paths: &[(&'static str, usize)]) -> Self {
        let mut shape = Self(vec![Node::default()]);
        for (path, cap) in paths {
            let mut at = ROOT;
            for name in path.split('.') {
                let (name, is_list) = name.strip_suffix(ELEMENT).map_or((name, false), |name| (name, true));
                if !name.is_empty() {
                    at = shape.child_or_new(at, name);
                }
                if is_list {
                    at = shape.child_or_new(at, ELEMENT);
                }
            }
            if let Some(node) = shape.0.get_mut(at) {
                node.cap = *cap;
            }
        }
        shape
    }

    fn child_or_new(&mut self, parent: usize, key: &'static str) -> usize {
        if let Some(known) = self.child(parent, key.as_bytes()) {
            return known;
        }
        let new = self.0.len();
        self.0.push(Node { key, ..Node::default() });
        if let Some(parent) = self.0.get_mut(parent) {
            parent.children.push((key, new));
        }
        new
    }

    /// The wanted member of this name.
    pub(super) fn child(&self, parent: usize, key: &[u8]) -> Option<usize> {
        let children = &self.0.get(parent)?.children;
        children.iter().find(|(known, _)| known.as_bytes() == key).map(|(_, child)| *child)
    }

    /// The wanted elements.
    pub(super) fn element(&self, parent: usize) -> Option<usize> {
        self.child(parent, ELEMENT.as_bytes())
    }

    pub(super) fn key(&self, node: usize) -> &'static str {
        self.0.get(node).map_or("", |node| node.key)
    }

    pub(super) fn cap(&self, node: usize) -> usize {
        self.0.get(node).map_or(0, |node| node.cap)
    }
}
