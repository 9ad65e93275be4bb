package main

import (
	"fmt"
	"go/ast"
	"go/token"
)

// served reads DefaultAPIResourceConfigSource and the like.
func (one *source) served() [][4]string {
	found := [][4]string{}
	for _, name := range []string{"EnableVersions", "DisableVersions", "EnableResources", "DisableResources"} {
		one.calls(name, func(file *ast.File, call *ast.CallExpr) {
			for _, argument := range call.Args {
				for _, element := range one.elements(argument) {
					resource := ""
					if with, ok := element.(*ast.CallExpr); ok && len(with.Args) == 1 {
						if selector, ok := with.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "WithResource" {
							element, resource = selector.X, text(with.Args[0])
						}
					}
					if group, version := one.groupVersion(file, element); version != "" {
						found = append(found, [4]string{name, group, version, resource})
					}
				}
			}
		})
	}
	return found
}

// elements are those of a list that a variable holds, or just the expression.
func (one *source) elements(expression ast.Expr) []ast.Expr {
	if name, ok := expression.(*ast.Ident); ok {
		if _, value := one.value(name.Name); value != nil {
			if literal, ok := value.(*ast.CompositeLit); ok {
				return literal.Elts
			}
		}
	}
	return []ast.Expr{expression}
}

// gates reads storage providers: `if resource := "x"; ...v1.SchemeGroupVersion.WithResource(resource)) { if Enabled(Gate)`.
func (one *source) gates() [][4]string {
	found := [][4]string{}
	for _, file := range one.files {
		ast.Inspect(file, func(node ast.Node) bool {
			block, ok := node.(*ast.IfStmt)
			if !ok {
				return true
			}
			initial, ok := block.Init.(*ast.AssignStmt)
			if !ok || text(initial.Rhs[0]) == "" {
				return true
			}
			group, version := "", ""
			within(block.Cond, "WithResource", func(call *ast.CallExpr) {
				group, version = one.groupVersion(file, call.Fun.(*ast.SelectorExpr).X)
			})
			if version == "" {
				return true
			}
			for _, statement := range block.Body.List {
				if inner, ok := statement.(*ast.IfStmt); ok && inner.Init == nil && assignsNamed(inner.Body) {
					if call, ok := inner.Cond.(*ast.CallExpr); ok {
						within(call, "Enabled", func(call *ast.CallExpr) {
							if gate, ok := call.Args[0].(*ast.SelectorExpr); ok {
								found = append(found, [4]string{group, version, text(initial.Rhs[0]), gate.Sel.Name})
							}
						})
					}
				}
			}
			return true
		})
	}
	return found
}

// assignsNamed tells whether there is a `storage[resource] = ...`, not only `storage[resource+"/status"] = ...`.
func assignsNamed(block *ast.BlockStmt) bool {
	found := false
	ast.Inspect(block, func(node ast.Node) bool {
		if assignment, ok := node.(*ast.AssignStmt); ok {
			if index, ok := assignment.Lhs[0].(*ast.IndexExpr); ok {
				_, named := index.Index.(*ast.Ident)
				found = found || named
			}
		}
		return true
	})
	return found
}

func (one *source) maps() map[string][]string {
	found := map[string][]string{}
	for _, file := range one.files {
		ast.Inspect(file, func(node ast.Node) bool {
			assignment, ok := node.(*ast.AssignStmt)
			if !ok || assignment.Tok != token.DEFINE || len(assignment.Rhs) != 1 {
				return true
			}
			literal, ok := assignment.Rhs[0].(*ast.CompositeLit)
			if !ok {
				return true
			}
			if _, ok := literal.Type.(*ast.MapType); !ok {
				return true
			}
			keys := []string{}
			for _, element := range literal.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok && text(pair.Key) != "" {
					keys = append(keys, text(pair.Key))
				}
			}
			found[fmt.Sprint(assignment.Lhs[0])] = keys
			return true
		})
	}
	return found
}
