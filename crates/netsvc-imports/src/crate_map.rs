//! The modules of a crate, and the names that each of them knows.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Item, ItemMod, UseTree, Visibility};

use crate::mentions::{self, Mention, Segments};
use crate::test_only::{attributes, is_test_only};

/// Index of a module in [`CrateMap::modules`].
pub(crate) type ModuleNo = usize;

/// What a name in a module stands for.
#[derive(Clone, Debug)]
pub(crate) enum Definition {
    /// An item, by the file that defines it.
    Item(PathBuf),
    Module(ModuleNo),
    /// A name that `use` brought in, by the path it was brought from.
    Used(Segments),
}

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<ModuleNo>,
    /// A name may stand for a module and an item at once.
    pub(crate) names: HashMap<String, Vec<Definition>>,
    /// Where `use …::*` takes names from.
    pub(crate) globs: Vec<Segments>,
    /// What its code names.
    pub(crate) mentions: Vec<Mention>,
}

/// All modules of a crate; the first is its root.
#[derive(Debug, Default)]
pub(crate) struct CrateMap {
    pub(crate) modules: Vec<Module>,
}

/// How the text of a file is had.
pub(crate) type Source<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

impl CrateMap {
    /// Reads a crate from its root file.
    pub(crate) fn read(root: &Path, source: Source) -> Result<Self, String> {
        let mut map = Self::default();
        let folder = root.parent().unwrap_or(Path::new(""));
        map.read_file(root, folder, None, source)?;
        Ok(map)
    }

    /// `folder` is where the files of its child modules lie.
    fn read_file(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<ModuleNo>,
        source: Source,
    ) -> Result<ModuleNo, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = source(file).map_err(|error| told(&error))?;
        let parsed = syn::parse_file(&text).map_err(|error| {
            let at = error.span().start();
            told(&format!("line {}: {error}", at.line))
        })?;
        self.read_module(file, folder, parent, &parsed.items, source)
    }

    fn read_module(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<ModuleNo>,
        items: &[Item],
        source: Source,
    ) -> Result<ModuleNo, String> {
        let number = self.modules.len();
        let mentions = mentions::of(items);
        self.modules.push(Module {
            file: file.to_path_buf(),
            parent,
            names: HashMap::new(),
            globs: Vec::new(),
            mentions,
        });
        for item in items.iter().filter(|item| !is_test_only(attributes(item))) {
            match item {
                Item::Mod(module) => self.read_child(number, module, folder, source)?,
                Item::Use(item) => {
                    let handed_on = !matches!(item.vis, Visibility::Inherited);
                    self.take_names(number, &item.tree, &mut Vec::new(), handed_on);
                }
                _ => self.define(number, item),
            }
        }
        Ok(number)
    }

    fn read_child(
        &mut self,
        parent: ModuleNo,
        module: &ItemMod,
        folder: &Path,
        source: Source,
    ) -> Result<(), String> {
        let file = self.modules[parent].file.clone();
        let name = module.ident.unraw().to_string();
        let inner = folder.join(&name);
        let number = if let Some((_, items)) = &module.content {
            self.read_module(&file, &inner, Some(parent), items, source)?
        } else {
            if module.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
                return Err(format!("{}: #[path] is not understood", file.display()));
            }
            let beside = folder.join(format!("{name}.rs"));
            let within = inner.join("mod.rs");
            let path = if source(&beside).is_ok() { beside } else { within };
            self.read_file(&path, &inner, Some(parent), source)?
        };
        self.add(parent, name, Definition::Module(number));
        Ok(())
    }

    fn define(&mut self, module: ModuleNo, item: &Item) {
        let Some(name) = defined_name(item) else { return };
        let is_exported_macro = matches!(item, Item::Macro(_))
            && attributes(item).iter().any(|attribute| attribute.path().is_ident("macro_export"));
        let file = self.modules[module].file.clone();
        let at = if is_exported_macro { 0 } else { module };
        self.add(at, name.unraw().to_string(), Definition::Item(file));
    }

    fn take_names(
        &mut self,
        module: ModuleNo,
        tree: &UseTree,
        above: &mut Segments,
        handed_on: bool,
    ) {
        match tree {
            UseTree::Path(path) => {
                above.push(path.ident.unraw().to_string());
                self.take_names(module, &path.tree, above, handed_on);
                above.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.take_names(module, tree, above, handed_on);
                }
            }
            UseTree::Glob(_) => {
                let module = &mut self.modules[module];
                module.globs.push(above.clone());
                if !handed_on {
                    module.mentions.push(Mention::All(above.clone()));
                }
            }
            UseTree::Name(name) => self.take_name(module, &name.ident, None, above, handed_on),
            UseTree::Rename(name) => {
                self.take_name(module, &name.ident, Some(&name.rename), above, handed_on);
            }
        }
    }

    fn take_name(
        &mut self,
        module: ModuleNo,
        name: &Ident,
        rename: Option<&Ident>,
        above: &Segments,
        handed_on: bool,
    ) {
        let mut path = above.clone();
        if name != "self" {
            path.push(name.unraw().to_string());
        }
        let Some(last) = path.last() else { return };
        let known = rename.map_or_else(|| last.clone(), |rename| rename.unraw().to_string());
        // A name that is only handed on counts where it is mentioned. Any other counts as it
        // stands: a trait may be needed for its methods alone.
        if !handed_on {
            self.modules[module].mentions.push(Mention::Path(path.clone()));
        }
        self.add(module, known, Definition::Used(path));
    }

    fn add(&mut self, module: ModuleNo, name: String, definition: Definition) {
        self.modules[module].names.entry(name).or_default().push(definition);
    }
}

fn defined_name(item: &Item) -> Option<&Ident> {
    Some(match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    })
}
