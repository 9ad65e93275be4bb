package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

type source struct {
	path  string
	files []*ast.File
}

var modules = map[string]string{}

var parsed = map[string]*source{}

// load parses a package, tests and generated conversions apart; nil where its module or folder is not there.
func load(path string) *source {
	if one, ok := parsed[path]; ok {
		return one
	}
	parsed[path] = nil
	for module, directory := range modules {
		if path != module && !strings.HasPrefix(path, module+"/") {
			continue
		}
		names, _ := filepath.Glob(filepath.Join(directory, strings.TrimPrefix(path, module), "*.go"))
		one := &source{path: path}
		for _, name := range names {
			base := filepath.Base(name)
			generated := strings.HasPrefix(base, "zz_generated.") && !strings.Contains(base, "lifecycle")
			if strings.HasSuffix(base, "_test.go") || generated || base == "generated.pb.go" {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				fail(err)
			}
			one.files = append(one.files, file)
		}
		if len(one.files) > 0 {
			parsed[path] = one
		}
	}
	return parsed[path]
}

// imported is the path that a name stands for in a file.
func imported(file *ast.File, name string) string {
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && filepath.Base(path) == name {
			return path
		}
	}
	return ""
}

func (one *source) calls(name string, visit func(file *ast.File, call *ast.CallExpr)) {
	for _, file := range one.files {
		within(file, name, func(call *ast.CallExpr) { visit(file, call) })
	}
}

// within visits the calls of a method in an expression.
func within(expression ast.Node, method string, visit func(*ast.CallExpr)) {
	ast.Inspect(expression, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == method {
				visit(call)
			}
		}
		return true
	})
}

// value is what a constant or variable of the package is declared as, and in which file.
func (one *source) value(name string) (*ast.File, ast.Expr) {
	for _, file := range one.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				values, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for index, declared := range values.Names {
					if declared.Name == name && index < len(values.Values) {
						return file, values.Values[index]
					}
				}
			}
		}
	}
	return nil, nil
}

// constant is a string: written there, declared in the package, or in another.
func (one *source) constant(file *ast.File, expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		return text(expression)
	case *ast.Ident:
		if home, value := one.value(expression.Name); value != nil {
			return one.constant(home, value)
		}
	case *ast.SelectorExpr:
		if qualifier, ok := expression.X.(*ast.Ident); ok {
			if other := load(imported(file, qualifier.Name)); other != nil {
				return other.constant(nil, expression.Sel)
			}
		}
	}
	return ""
}

func text(expression ast.Expr) string {
	if literal, ok := expression.(*ast.BasicLit); ok {
		value, _ := strconv.Unquote(literal.Value)
		return value
	}
	return ""
}

func sorted(names map[string]bool) []string {
	result := []string{}
	for name := range names {
		result = append(result, name)
	}
	sort.Strings(result)
	return result
}
