package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"slices"
)

// gateDependencies prints which gate of a program must not be on without which other one.
func gateDependencies(s *sources, program string) {
	needs := registered(s, program).needs
	for _, gate := range slices.Sorted(maps.Keys(needs)) {
		for _, needed := range needs[gate] {
			fmt.Printf("%s,%s,%s\n", program, gate, needed)
		}
	}
}

// dependencies reads the map that an expression stands for: of each gate, the gates that it depends on.
func (r *gateReader) dependencies(one *source, expression ast.Expr) {
	if name, ok := expression.(*ast.Ident); ok {
		expression = one.initial(name.Name)
	}
	table, ok := expression.(*ast.CompositeLit)
	if !ok {
		fail("%s: dependencies that are no literal", one.path)
	}
	for _, element := range table.Elts {
		pair := element.(*ast.KeyValueExpr)
		gate := r.gate(one, pair.Key)
		list, ok := pair.Value.(*ast.CompositeLit)
		if !ok {
			fail("%s: no literal", r.files.Position(pair.Pos()))
		}
		for _, needed := range list.Elts {
			r.needs[gate] = append(r.needs[gate], r.gate(one, needed))
		}
	}
}

// gate returns the name that an expression stands for.
func (r *gateReader) gate(one *source, expression ast.Expr) string {
	value := one.info.Types[expression].Value
	if value == nil || value.Kind() != constant.String {
		fail("%s: %s is no name", r.files.Position(expression.Pos()), types.ExprString(expression))
	}
	return constant.StringVal(value)
}
