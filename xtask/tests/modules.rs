//! Modules do not depend on each other in a circle. A module and those inside it may use each other. A path through a
//! re-export leads to the module that it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module by its path: `auth::login`; the crate's root is empty.
type Module = String;

#[test]
fn modules_have_no_import_cycles() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut cycles = Vec::new();
    for entry in fs::read_dir(crates).expect("the crates") {
        let folder = entry.expect("a crate").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let source = folder.join("src");
        let files = read(&source, "");
        let modules: BTreeSet<Module> = files.keys().cloned().collect();
        let reexports: BTreeMap<_, _> = files
            .iter()
            .flat_map(|(module, text)| uses(text, true).into_iter().map(move |path| (module.clone(), path)))
            .filter_map(|(module, path)| {
                let item = path.rsplit("::").next()?.to_owned();
                let from = resolve(&absolute(&module, &path, &modules)?, &modules, &BTreeMap::new());
                Some((join(&module, &item), from))
            })
            .collect();
        let mut dependencies = BTreeMap::<Module, BTreeSet<Module>>::new();
        for (module, text) in &files {
            for path in uses(text, false).iter().filter_map(|path| absolute(module, path, &modules)) {
                let on = resolve(&path, &modules, &reexports);
                if !is_inside(module, &on) && !is_inside(&on, module) {
                    dependencies.entry(module.clone()).or_default().insert(on);
                }
            }
        }
        for module in dependencies.keys() {
            let cycle = find_cycle(module, &dependencies, &mut vec![module.clone()], &mut BTreeSet::new());
            cycles.extend(cycle.map(|cycle| format!("{}: {}", name, cycle.join(" -> "))));
        }
    }
    assert!(cycles.is_empty(), "modules depend on each other:\n{}", cycles.join("\n"));
}

#[test]
fn finds_a_cycle() {
    assert!(is_inside("a::b", "a") && is_inside("a", "a") && is_inside("a", ""));
    assert!(!is_inside("a", "a::b") && !is_inside("ab", "a"));
    let on = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let dependencies = BTreeMap::from([
        ("a".to_owned(), on(&["b"])),
        ("b".to_owned(), on(&["c"])),
        ("c".to_owned(), on(&["a"])),
    ]);
    let cycle = find_cycle("a", &dependencies, &mut vec!["a".to_owned()], &mut BTreeSet::new());
    assert_eq!(cycle.as_deref(), Some(&["a", "b", "c", "a"].map(str::to_owned)[..]));
    let text =
        "use crate::a::{B, c::{self, D}};\npub(crate) use e::F;\n#[cfg(test)]\nmod tests { use crate::g; }";
    assert_eq!(uses(text, false), ["crate::a::B", "crate::a::c", "crate::a::c::D"]);
    assert_eq!(uses(text, true), ["e::F"]);
}

/// Modules of a folder with their text.
fn read(folder: &Path, parent: &str) -> BTreeMap<Module, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        if path.is_dir() {
            files.extend(read(&path, &join(parent, &name)));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module =
                if ["lib", "mod"].contains(&&*name) { parent.to_owned() } else { join(parent, &name) };
            files.insert(module, fs::read_to_string(path).expect("UTF-8"));
        }
    }
    files
}

/// Paths of the imports, or of the re-exports, outside the tests.
fn uses(text: &str, reexports: bool) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let statements = text.split_inclusive(';').filter_map(|statement| {
        let line = statement.lines().position(|line| {
            let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
            line.starts_with("use ")
        })?;
        let statement: String = statement.lines().skip(line).collect();
        let (visibility, tree) = statement.split_once("use ")?;
        (visibility.is_empty() != reexports).then(|| tree.trim_end_matches(';').to_owned())
    });
    statements.flat_map(|tree| expand(&tree.replace(char::is_whitespace, ""))).collect()
}

/// The paths of a use tree without white space.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.trim_end_matches("::self").to_owned()];
    };
    let inner = &rest[..rest.rfind('}').expect("balanced braces")];
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (i, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = &inner[start..i];
                if !branch.is_empty() {
                    paths.extend(expand(&format!("{prefix}{branch}")));
                }
                start = i + 1;
            }
            _ => {}
        }
    }
    paths
}

/// A path from the crate's root, if it is within the crate.
fn absolute(module: &str, path: &str, modules: &BTreeSet<Module>) -> Option<String> {
    let (mut base, mut path) = (module, path);
    if let Some(path) = path.strip_prefix("crate::") {
        return Some(path.to_owned());
    }
    path = path.strip_prefix("self::").unwrap_or(path);
    let mut is_relative = false;
    while let Some(rest) = path.strip_prefix("super::") {
        (base, path, is_relative) = (base.rsplit_once("::").map_or("", |(parent, _)| parent), rest, true);
    }
    let whole = join(base, path);
    let child = join(base, path.split("::").next()?);
    (is_relative || modules.contains(&child)).then_some(whole)
}

/// The module that a path leads to, through re-exports.
fn resolve(path: &str, modules: &BTreeSet<Module>, reexports: &BTreeMap<String, Module>) -> Module {
    if let Some(module) = reexports.get(path) {
        return module.clone();
    }
    let mut module = path;
    while !module.is_empty() && !modules.contains(module) {
        module = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    }
    module.to_owned()
}

/// Whether a module is the other one, or in it.
fn is_inside(module: &str, other: &str) -> bool {
    other.is_empty()
        || module == other
        || module.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"))
}

fn join(parent: &str, name: &str) -> Module {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}::{name}") }
}

fn find_cycle(
    start: &str,
    dependencies: &BTreeMap<Module, BTreeSet<Module>>,
    path: &mut Vec<Module>,
    seen: &mut BTreeSet<Module>,
) -> Option<Vec<Module>> {
    let last = path.last().cloned().unwrap_or_default();
    for on in dependencies.get(&last).into_iter().flatten() {
        path.push(on.clone());
        if on == start {
            return Some(path.clone());
        }
        if seen.insert(on.clone())
            && let Some(cycle) = find_cycle(start, dependencies, path, seen)
        {
            return Some(cycle);
        }
        path.pop();
    }
    None
}
