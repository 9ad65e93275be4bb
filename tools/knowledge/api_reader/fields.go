package main

import (
	"fmt"
	"go/ast"
	"reflect"
	"strconv"
	"strings"
)

// home is where a type is declared: here, or in the package that this one is built on.
func (one *source) home(name string) (*source, *ast.StructType) {
	if found := one.structure(name); found != nil {
		return one, found
	}
	if base := one.base(); base != nil {
		return base, base.structure(name)
	}
	return nil, nil
}

func (one *source) structure(name string) *ast.StructType {
	for _, file := range one.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if declared, ok := spec.(*ast.TypeSpec); ok && declared.Name.Name == name {
					found, _ := declared.Type.(*ast.StructType)
					return found
				}
			}
		}
	}
	return nil
}

// fields are the dotted JSON names, through lists and pointers, of a struct and of those in it; a map is one field.
func (one *source) fields(structure *ast.StructType, prefix string, above map[*ast.StructType]bool) []string {
	if above[structure] {
		return nil
	}
	above[structure] = true
	defer delete(above, structure)
	found := []string{}
	for _, field := range structure.Fields.List {
		name, inline := jsonName(field)
		home, inner := one.inner(field.Type)
		switch {
		case name == "-":
		case inline && inner != nil:
			found = append(found, home.fields(inner, prefix, above)...)
		case inline: // TypeMeta
		default:
			found = append(found, prefix+name)
			if inner != nil {
				found = append(found, home.fields(inner, prefix+name+".", above)...)
			}
		}
	}
	return found
}

func jsonName(field *ast.Field) (string, bool) {
	tag := ""
	if field.Tag != nil {
		unquoted, _ := strconv.Unquote(field.Tag.Value)
		tag = reflect.StructTag(unquoted).Get("json")
	}
	name, options, _ := strings.Cut(tag, ",")
	if name != "" {
		return name, false
	}
	if len(field.Names) == 0 || strings.Contains(options, "inline") {
		return "", true
	}
	if !field.Names[0].IsExported() {
		return "-", false
	}
	return field.Names[0].Name, false
}

// inner is the struct that a field holds or points at, alone or in a list; nil for anything else.
func (one *source) inner(expression ast.Expr) (*source, *ast.StructType) {
	switch expression := expression.(type) {
	case *ast.StarExpr:
		return one.inner(expression.X)
	case *ast.ArrayType:
		return one.inner(expression.Elt)
	case *ast.Ident:
		if found := one.structure(expression.Name); found != nil && !one.decodesItself(expression.Name) {
			return one, found
		}
	case *ast.SelectorExpr:
		for _, file := range one.files {
			if other := load(imported(file, fmt.Sprint(expression.X))); other != nil {
				if home, found := other.inner(expression.Sel); found != nil {
					return home, found
				}
			}
		}
	}
	return nil, nil
}

// decodesItself tells whether a type has an UnmarshalJSON: its fields are then nobody's business.
func (one *source) decodesItself(name string) bool {
	for _, file := range one.files {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil || function.Name.Name != "UnmarshalJSON" {
				continue
			}
			if pointer, ok := function.Recv.List[0].Type.(*ast.StarExpr); ok && fmt.Sprint(pointer.X) == name {
				return true
			}
		}
	}
	return false
}
