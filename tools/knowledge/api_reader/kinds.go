package main

import (
	"fmt"
	"go/ast"
	"sort"
	"strings"
)

// adds follows Install functions into the packages that they are in.
func (one *source) adds() []string {
	found := map[string]bool{}
	for _, name := range []string{"AddToScheme", "Install"} {
		one.calls(name, func(file *ast.File, call *ast.CallExpr) {
			qualifier, ok := call.Fun.(*ast.SelectorExpr).X.(*ast.Ident)
			if !ok || len(call.Args) != 1 {
				return
			}
			path := imported(file, qualifier.Name)
			if name == "Install" {
				if other := load(path); other != nil {
					for _, more := range other.adds() {
						found[more] = true
					}
				}
			} else if path != "" {
				found[path] = true
			}
		})
	}
	return sorted(found)
}

// kinds are registered by the package itself, or by the one whose scheme builder it takes.
func (one *source) kinds() [][3]string {
	found := map[[3]string]bool{}
	one.calls("AddKnownTypes", func(file *ast.File, call *ast.CallExpr) {
		group, version := one.groupVersion(file, call.Args[0])
		for _, argument := range call.Args[1:] {
			if kind := pointee(argument); kind != "" {
				found[[3]string{group, version, kind}] = true
			}
		}
	})
	one.calls("AddKnownTypeWithName", func(file *ast.File, call *ast.CallExpr) {
		named, ok := call.Args[0].(*ast.CallExpr)
		if !ok || len(named.Args) != 1 {
			return
		}
		if selector, ok := named.Fun.(*ast.SelectorExpr); ok {
			group, version := one.groupVersion(file, selector.X)
			found[[3]string{group, version, text(named.Args[0])}] = true
		}
	})
	if len(found) == 0 {
		if base := one.base(); base != nil {
			return base.kinds()
		}
	}
	result := make([][3]string, 0, len(found))
	for kind := range found {
		if kind[1] != "" && !strings.HasSuffix(kind[2], "List") {
			result = append(result, kind)
		}
	}
	sort.Slice(result, func(i, j int) bool { return fmt.Sprint(result[i]) < fmt.Sprint(result[j]) })
	return result
}

// base is the package of which this one adds to the scheme builder: `localSchemeBuilder = &v1beta1.SchemeBuilder`.
func (one *source) base() *source {
	for _, file := range one.files {
		var found *source
		ast.Inspect(file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "SchemeBuilder" {
				return true
			}
			if qualifier, ok := selector.X.(*ast.Ident); ok {
				if other := load(imported(file, qualifier.Name)); other != nil {
					found = other
				}
			}
			return true
		})
		if found != nil {
			return found
		}
	}
	return nil
}

func pointee(argument ast.Expr) string {
	switch argument := argument.(type) {
	case *ast.UnaryExpr:
		if literal, ok := argument.X.(*ast.CompositeLit); ok {
			if name, ok := literal.Type.(*ast.Ident); ok {
				return name.Name
			}
		}
	case *ast.CallExpr: // new(T)
		if function, ok := argument.Fun.(*ast.Ident); ok && function.Name == "new" {
			if name, ok := argument.Args[0].(*ast.Ident); ok {
				return name.Name
			}
		}
	}
	return ""
}

// groupVersion resolves `SchemeGroupVersion`, `v1.SchemeGroupVersion` and `schema.GroupVersion{...}`.
func (one *source) groupVersion(file *ast.File, expression ast.Expr) (string, string) {
	switch expression := expression.(type) {
	case *ast.Ident:
		if home, value := one.value(expression.Name); value != nil {
			return one.groupVersion(home, value)
		}
	case *ast.SelectorExpr:
		if qualifier, ok := expression.X.(*ast.Ident); ok {
			if other := load(imported(file, qualifier.Name)); other != nil {
				return other.groupVersion(nil, expression.Sel)
			}
		}
	case *ast.CompositeLit:
		var group, version string
		for _, element := range expression.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch fmt.Sprint(pair.Key) {
			case "Group":
				group = one.constant(file, pair.Value)
			case "Version":
				version = one.constant(file, pair.Value)
			}
		}
		return group, version
	}
	return "", ""
}

// lifecycle reads zz_generated.prerelease-lifecycle.go.
func (one *source) lifecycle() map[string][4]string {
	places := map[string]int{
		"APILifecycleIntroduced": 0, "APILifecycleDeprecated": 1, "APILifecycleRemoved": 2, "APILifecycleReplacement": 3,
	}
	found := map[string][4]string{}
	for _, file := range one.files {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil {
				continue
			}
			place, ok := places[function.Name.Name]
			pointer, isPointer := function.Recv.List[0].Type.(*ast.StarExpr)
			if !ok || !isPointer {
				continue
			}
			receiver := pointer.X.(*ast.Ident).Name
			life := found[receiver]
			life[place] = returned(function)
			found[receiver] = life
		}
	}
	return found
}

// returned is `return 1, 22` as "1.22", and `return schema.GroupVersionKind{...}` as "group/version Kind".
func returned(function *ast.FuncDecl) string {
	for _, statement := range function.Body.List {
		result, ok := statement.(*ast.ReturnStmt)
		if !ok {
			continue
		}
		if literal, ok := result.Results[0].(*ast.CompositeLit); ok {
			parts := map[string]string{}
			for _, element := range literal.Elts {
				pair := element.(*ast.KeyValueExpr)
				parts[fmt.Sprint(pair.Key)] = text(pair.Value)
			}
			return strings.TrimPrefix(parts["Group"]+"/", "/") + parts["Version"] + " " + parts["Kind"]
		}
		numbers := []string{}
		for _, one := range result.Results {
			if literal, ok := one.(*ast.BasicLit); ok {
				numbers = append(numbers, literal.Value)
			}
		}
		return strings.Join(numbers, ".")
	}
	return ""
}
