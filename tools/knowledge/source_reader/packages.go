package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// sources holds the packages of the modules at hand, each read and type-checked when it is first asked for. What is
// imported from other modules is taken for an empty package: nothing that is looked for depends on it.
type sources struct {
	roots   map[string]string // module path to its folder
	files   *token.FileSet
	known   map[string]*source
	context build.Context
}

type source struct {
	path   string
	syntax []*ast.File
	types  *types.Package
	info   *types.Info
}

func newSources(roots map[string]string) *sources {
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", "amd64", false
	return &sources{roots: roots, files: token.NewFileSet(), known: map[string]*source{}, context: context}
}

// folder tells where a package lies; it is empty for what is in none of the modules.
func (s *sources) folder(name string) string {
	best := ""
	for root := range s.roots {
		if (name == root || strings.HasPrefix(name, root+"/")) && len(root) > len(best) {
			best = root
		}
	}
	if best == "" {
		return ""
	}
	folder := filepath.Join(s.roots[best], strings.TrimPrefix(name, best))
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return ""
	}
	return folder
}

// load returns a package, nil where the modules do not have it.
func (s *sources) load(name string) *source {
	if found, ok := s.known[name]; ok {
		return found
	}
	s.known[name] = nil
	folder := s.folder(name)
	if folder == "" {
		return nil
	}
	found := &source{path: name}
	bodies := false
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		file := entry.Name()
		if match, err := s.context.MatchFile(folder, file); !match || err != nil || strings.HasSuffix(file, "_test.go") ||
			!strings.HasSuffix(file, ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			continue
		}
		parsed, _ := parser.ParseFile(s.files, filepath.Join(folder, file), text, parser.SkipObjectResolution)
		if parsed == nil || parsed.Name.Name == "documentation" {
			continue
		}
		words := string(text)
		bodies = bodies || parsed.Name.Name == "main" || name == cli || strings.Contains(words, "FlagSet") || strings.Contains(words, "pflag") || strings.Contains(words, "eatureGate")
		found.syntax = append(found.syntax, parsed)
	}
	if len(found.syntax) == 0 {
		return nil
	}
	found.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
		Uses: map[*ast.Ident]types.Object{},
	}
	config := types.Config{Importer: s, Error: func(error) {}, IgnoreFuncBodies: !bodies, FakeImportC: true}
	found.types, _ = config.Check(name, s.files, found.syntax, found.info)
	s.known[name] = found
	return found
}

// Import is what the type checker asks for a package.
func (s *sources) Import(name string) (*types.Package, error) {
	if name == "unsafe" {
		return types.Unsafe, nil
	}
	if found := s.load(name); found != nil {
		return found.types, nil
	}
	empty := types.NewPackage(name, path.Base(name))
	empty.MarkComplete()
	return empty, nil
}

// closure returns what is linked into the program `name`, as far as the modules have it, sorted by path.
func (s *sources) closure(name string) []*source {
	seen := map[string]bool{}
	var found []*source
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		one := s.load(name)
		if one == nil {
			return
		}
		found = append(found, one)
		for _, file := range one.syntax {
			for _, imported := range file.Imports {
				visit(strings.Trim(imported.Path.Value, `"`))
			}
		}
	}
	visit(name)
	slices.SortFunc(found, func(a, b *source) int { return strings.Compare(a.path, b.path) })
	return found
}

// function returns the declaration of a function or method and the package it stands in, nil for others' functions.
func (s *sources) function(object types.Object) (*source, *ast.FuncDecl) {
	if object == nil || object.Pkg() == nil {
		return nil, nil
	}
	home := s.known[object.Pkg().Path()]
	if home == nil {
		return nil, nil
	}
	for _, file := range home.syntax {
		for _, declared := range file.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && home.info.Defs[function.Name] == object {
				return home, function
			}
		}
	}
	return nil, nil
}

// called returns what a call calls, nil where that is not known before the program runs.
func (one *source) called(call *ast.CallExpr) types.Object {
	switch callee := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		return one.info.Uses[callee]
	case *ast.SelectorExpr:
		return one.info.Uses[callee.Sel]
	}
	return nil
}

// initial returns what a variable of the package begins with, nil where nothing is said.
func (one *source) initial(name string) ast.Expr {
	for _, file := range one.syntax {
		for _, declared := range file.Decls {
			general, ok := declared.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, written := range general.Specs {
				value, ok := written.(*ast.ValueSpec)
				if ok && len(value.Names) == 1 && value.Names[0].Name == name && len(value.Values) == 1 {
					return value.Values[0]
				}
			}
		}
	}
	return nil
}

// imported returns the path of the package that a name stands for, empty where it is none's.
func (one *source) imported(expression ast.Expr) string {
	if name, ok := expression.(*ast.Ident); ok {
		if found, ok := one.info.Uses[name].(*types.PkgName); ok {
			return found.Imported().Path()
		}
	}
	return ""
}
