//! What a dialect wants of a document.

/// The paths that are wanted, as a tree.
#[derive(Debug)]
pub(in crate::provider) struct Shape(Vec<Node>);

/// One step of a path.
#[derive(Debug, Default)]
struct Node {
    /// Name of the member; [`ELEMENT`] for the elements of a list, [`ANY`] for members of any name.
    key: &'static str,
    /// Each with its key.
    children: Vec<(&'static str, usize)>,
    /// Bytes that are kept of a string that stands here.
    cap: usize,
    /// Numbers and literals are not kept here.
    is_counted: bool,
    /// Lists and objects that stand here are kept as their outline; strings in these members of it are names, too.
    outline: Option<&'static str>,
    /// The digest of what stands here is wanted.
    is_digested: bool,
    /// The elements of a list that stands here are a conversation's messages.
    is_dialogue: bool,
}

/// How a path asks for a digest, and the name of the member that holds that of an object.
pub(super) const DIGEST: &str = "#";

/// How a path says "each element".
const ELEMENT: &str = "[]";

/// How a path says "each element that is no number or literal": those, such as a vector's numbers, are counted.
const INNER: &str = "[#]";

/// How a path says "each member": those that have no path of their own, whatever their names.
pub(super) const ANY: &str = "*";

/// The document itself.
pub(super) const ROOT: usize = 0;

impl Shape {
    /// A shape of paths, each with how many bytes of a string are kept there. With 0 a string is measured and
    /// not kept; numbers and truth values are kept in any case.
    ///
    /// `choices[].finish_reason` is a member of each element, `data.*[].id` of each element of members of any
    /// name; `query[#]` are those elements that are lists, objects or strings. Behind a last name, `{}` asks for
    /// the outline of a list or an object: its structure, and nothing that it says; `{key,field}` tells that
    /// strings in members `key` and `field` are names, too, and stay. `query.bool.must=query` is read as what stands
    /// at `query`, however deep one is in the other, and has its name; no other path goes through it.
    ///
    /// Behind a last name, `#` asks for the digest of what stands there: it comes in place of a string, a number, an
    /// object or a list, and beside the members that other paths ask for of an object. Of a list whose elements
    /// are asked for, and of `null`, there is none.
    pub(in crate::provider) fn new(paths: &[(&'static str, usize)]) -> Self {
        Self(vec![Node::default()]).with(ROOT, paths)
    }

    /// The same paths, and these below another one.
    pub(in crate::provider) fn and_below(
        mut self,
        path: &'static str,
        paths: &[(&'static str, usize)],
    ) -> Self {
        let below = steps(path).fold(ROOT, |at, step| self.child_or_new(at, step));
        self.with(below, paths)
    }

    /// The same paths, and those of another shape, which has no `=`.
    pub(in crate::provider) fn and(mut self, other: &Self) -> Self {
        self.copy(ROOT, other, ROOT);
        self
    }

    /// The same paths, and elements of the list at this one are a conversation's messages.
    pub(in crate::provider) fn fold(mut self, path: &'static str) -> Self {
        let list = steps(path).fold(ROOT, |at, step| self.child_or_new(at, step));
        if let Some(node) = self.0.get_mut(list) {
            node.is_dialogue = true;
        }
        self
    }

    fn copy(&mut self, to: usize, other: &Self, from: usize) {
        let Some(node) = other.0.get(from) else { return };
        if let Some(known) = self.0.get_mut(to) {
            known.cap = known.cap.max(node.cap);
            known.is_counted |= node.is_counted;
            known.outline = known.outline.or(node.outline);
            known.is_digested |= node.is_digested;
            known.is_dialogue |= node.is_dialogue;
        }
        // One that stands before its parent is read as another: following it would not end.
        for (key, child) in node.children.iter().filter(|(_, child)| *child > from) {
            let to = self.child_or_new(to, key);
            self.copy(to, other, *child);
        }
    }

    fn with(mut self, below: usize, paths: &[(&'static str, usize)]) -> Self {
        for (path, cap) in paths {
            if let Some((path, like)) = path.split_once('=') {
                self.alias(below, path, like);
                continue;
            }
            let (path, outline) = match path.strip_suffix('}').and_then(|path| path.split_once('{')) {
                Some((path, names)) => (path, Some(names)),
                None => (*path, None),
            };
            let (path, is_digested) = match path.strip_suffix(DIGEST) {
                Some(path) => (path, true),
                None => (path, false),
            };
            let at = steps(path).fold(below, |at, step| self.child_or_new(at, step));
            if let Some(node) = self.0.get_mut(at) {
                node.is_digested |= is_digested;
                node.cap = node.cap.max(*cap);
                node.is_counted |= path.ends_with(INNER);
                node.outline = node.outline.or(outline);
            }
        }
        self
    }

    /// What stands at a path is read as what stands at another one.
    fn alias(&mut self, below: usize, path: &'static str, like: &'static str) {
        let node = steps(like).fold(below, |at, step| self.child_or_new(at, step));
        if let Some(node) = self.0.get_mut(node) {
            node.is_counted |= path.ends_with(INNER);
        }
        let steps: Vec<_> = steps(path).collect();
        let Some((last, before)) = steps.split_last() else { return };
        let parent = before.iter().fold(below, |at, step| self.child_or_new(at, step));
        if let Some(parent) = self.0.get_mut(parent) {
            parent.children.push((*last, node));
        }
    }

    fn child_or_new(&mut self, parent: usize, key: &'static str) -> usize {
        let known = self.0.get(parent).and_then(|node| find(&node.children, key.as_bytes()));
        if let Some(known) = known {
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
        find(children, key).or_else(|| find(children, ANY.as_bytes()))
    }

    /// The wanted elements.
    pub(super) fn element(&self, parent: usize) -> Option<usize> {
        find(&self.0.get(parent)?.children, ELEMENT.as_bytes())
    }

    /// The document's own member of this name, as it is written here, and how much is kept of a string there.
    pub(in crate::provider) fn member(&self, name: &str) -> Option<(&'static str, usize)> {
        let node = self.child(ROOT, name.as_bytes())?;
        Some((self.key(node), self.cap(node)))
    }

    pub(super) fn key(&self, node: usize) -> &'static str {
        self.0.get(node).map_or("", |node| node.key)
    }

    pub(super) fn cap(&self, node: usize) -> usize {
        self.0.get(node).map_or(0, |node| node.cap)
    }

    /// Whether a number or a literal is kept that stands here.
    pub(super) fn keeps_scalars(&self, node: usize) -> bool {
        self.0.get(node).is_some_and(|node| !node.is_counted)
    }

    /// Whether the digest of such a value is wanted here.
    pub(super) fn is_digested(&self, node: usize, is_list: bool) -> bool {
        let known = self.0.get(node);
        known.is_some_and(|known| known.is_digested && !(is_list && self.element(node).is_some()))
    }

    /// Whether a list that stands here is a conversation's.
    pub(super) fn is_dialogue(&self, node: usize) -> bool {
        self.0.get(node).is_some_and(|node| node.is_dialogue)
    }

    /// Whether nothing is wanted of what stands within.
    pub(super) fn is_leaf(&self, node: usize) -> bool {
        self.0.get(node).is_none_or(|node| node.children.is_empty())
    }

    /// Whether the outline of what stands here is wanted, and which members of it hold names.
    pub(super) fn outline(&self, node: usize) -> Option<&'static str> {
        self.0.get(node)?.outline
    }
}

/// The steps of a path: names, and [`ELEMENT`].
fn steps(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('.').flat_map(|name| {
        let element = [ELEMENT, INNER].into_iter().find_map(|suffix| name.strip_suffix(suffix));
        let step = element.unwrap_or(name);
        [Some(step).filter(|step| !step.is_empty()), element.map(|_| ELEMENT)].into_iter().flatten()
    })
}

fn find(children: &[(&'static str, usize)], key: &[u8]) -> Option<usize> {
    children.iter().find(|(known, _)| known.as_bytes() == key).map(|(_, child)| *child)
}
