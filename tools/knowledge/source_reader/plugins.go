package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
)

const plugins = "k8s.io/kubernetes/pkg/kubeapiserver/options"

// admission prints which admission plugins kube-apiserver knows, and whether each is on unless it is switched off.
func admission(s *sources, minor int) {
	home := s.load(plugins)
	if home == nil {
		fail("%s is not there", plugins)
	}
	on := map[string]bool{}
	reader := pluginReader{home, on, func(gate string) bool {
		now := current(knownGates(s, "kube-apiserver")[gate], minor)
		return now != nil && now.enabled
	}}
	ordered := reader.strings(home.initial("AllOrderedPlugins").(*ast.CompositeLit).Elts)
	if _, function := s.function(home.types.Scope().Lookup("DefaultOffAdmissionPlugins")); function != nil {
		reader.statements(function.Body.List)
	}
	for _, name := range ordered {
		fmt.Printf("%s,%t\n", name, on[name])
	}
}

type pluginReader struct {
	*source
	on      map[string]bool
	enabled func(gate string) bool
}

// statements collects what is put into the set of plugins that are on, behind a gate only where that is on by default.
func (r *pluginReader) statements(list []ast.Stmt) {
	for _, statement := range list {
		if branch, ok := statement.(*ast.IfStmt); ok {
			if call, ok := branch.Cond.(*ast.CallExpr); ok && len(call.Args) == 1 && r.enabled(r.text(call.Args[0])) {
				r.statements(branch.Body.List)
			}
			continue
		}
		ast.Inspect(statement, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch selector, _ := call.Fun.(*ast.SelectorExpr); {
			case selector != nil && (selector.Sel.Name == "NewString" || selector.Sel.Name == "New" ||
				selector.Sel.Name == "Insert") && !call.Ellipsis.IsValid():
				for _, name := range r.strings(call.Args) {
					r.on[name] = true
				}
			}
			return true
		})
	}
}

func (r *pluginReader) strings(expressions []ast.Expr) []string {
	found := make([]string, 0, len(expressions))
	for _, expression := range expressions {
		found = append(found, r.text(expression))
	}
	return found
}

func (r *pluginReader) text(expression ast.Expr) string {
	value := r.info.Types[expression].Value
	if value == nil || value.Kind() != constant.String {
		fail("%s is no constant", types.ExprString(expression))
	}
	return constant.StringVal(value)
}
