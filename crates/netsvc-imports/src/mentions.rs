//! What the code of a module names.

use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Macro, Path, UseTree};

use crate::test_only::{attributes, is_test_only};

/// A path as it is written, from the left.
pub(crate) type Segments = Vec<String>;

#[derive(Debug)]
pub(crate) enum Mention {
    /// A name or path.
    Path(Segments),
    /// Where all names are taken from.
    All(Segments),
}

/// Whatever the items name, without those of child modules and tests, and without `use` outside
/// blocks, which names things for others, too.
pub(crate) fn of(items: &[Item]) -> Vec<Mention> {
    let mut visitor = Visitor { mentions: Vec::new() };
    for item in items.iter().filter(|item| !matches!(item, Item::Use(_))) {
        visitor.visit_item(item);
    }
    visitor.mentions
}

struct Visitor {
    mentions: Vec<Mention>,
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    /// A module of its own.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    /// In a block.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.used(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // `::name` is another crate.
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|segment| name(&segment.ident)).collect();
            self.mentions.push(Mention::Path(segments));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }
}

impl Visitor {
    fn used(&mut self, tree: &UseTree, above: &mut Segments) {
        match tree {
            UseTree::Path(path) => {
                above.push(name(&path.ident));
                self.used(&path.tree, above);
                above.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.used(tree, above)),
            UseTree::Glob(_) => self.mentions.push(Mention::All(above.clone())),
            UseTree::Name(syn::UseName { ident, .. })
            | UseTree::Rename(syn::UseRename { ident, .. }) => {
                let mut path = above.clone();
                path.push(name(ident));
                self.mentions.push(Mention::Path(path));
            }
        }
    }

    /// Paths in what a macro is given, or becomes: that need not be Rust, but is made of its
    /// tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        let mut is_member = false;
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let path = path_from(first, &mut tokens);
                    if !is_member {
                        self.mentions.push(Mention::Path(path));
                    }
                }
                _ => {}
            }
            is_member = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '.');
        }
    }
}

/// The rest of a path, as far as names are joined by `::`.
fn path_from(first: &Ident, tokens: &mut Peekable<IntoIter>) -> Segments {
    let mut path = vec![name(first)];
    while is_colon(tokens.peek()) {
        let mut ahead = tokens.clone();
        ahead.next();
        if !is_colon(ahead.peek()) {
            break;
        }
        ahead.next();
        let Some(TokenTree::Ident(next)) = ahead.next() else { break };
        path.push(name(&next));
        *tokens = ahead;
    }
    path
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':')
}

fn name(ident: &Ident) -> String {
    ident.unraw().to_string()
}
