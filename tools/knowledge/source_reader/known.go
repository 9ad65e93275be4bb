package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// What is known of functions and expressions before the program runs.

var verbs = regexp.MustCompile(`%[a-z]`)

// text evaluates an expression whose text is known before the program runs.
func (r *flagReader) text(at *scope, expression ast.Expr) (string, bool) {
	if value := at.info.Types[expression].Value; value != nil && value.Kind() == constant.String {
		return constant.StringVal(value), true
	}
	switch one := ast.Unparen(expression).(type) {
	case *ast.Ident:
		text, ok := at.texts[at.info.Uses[one]]
		return text, ok
	case *ast.BinaryExpr:
		left, leftKnown := r.text(at, one.X)
		right, rightKnown := r.text(at, one.Y)
		return left + right, one.Op == token.ADD && (leftKnown && rightKnown || leftKnown && left != "")
	case *ast.CallExpr:
		selector, ok := one.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Sprintf" || len(one.Args) == 0 {
			return "", false
		}
		format, ok := r.text(at, one.Args[0])
		if !ok {
			return "", false
		}
		for _, argument := range one.Args[1:] {
			text, ok := r.text(at, argument)
			if !ok {
				text = "…"
			}
			if verb := verbs.FindStringIndex(format); verb != nil {
				format = format[:verb[0]] + text + format[verb[1]:]
			}
		}
		return format, true
	}
	return "", false
}

func normalized(name string) string { return strings.ReplaceAll(name, "_", "-") }

// isFlagSet knows pflag's sets, those that have names, and interfaces that stand for a set.
func isFlagSet(variable *types.Var) bool {
	return variable != nil && strings.Contains(strings.ToLower(variable.Type().String()), "flagset")
}

// holdsFlagSets tells whether something is a structure that keeps its sets of flags with it.
func holdsFlagSets(variable *types.Var) bool {
	if variable == nil {
		return false
	}
	kind := variable.Type()
	if pointer, ok := kind.(*types.Pointer); ok {
		kind = pointer.Elem()
	}
	structure, ok := kind.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for number := range structure.NumFields() {
		if strings.Contains(structure.Field(number).Type().String(), "NamedFlagSets") {
			return true
		}
	}
	return false
}

// takesName tells whether a function is given the name of something, a flag perhaps.
func takesName(function *types.Func) bool {
	for one := range function.Signature().Params().Variables() {
		if one.Name() == "name" {
			return true
		}
	}
	return false
}

// handsFlags tells whether a function is given, or gives, or belongs to, something that has sets of flags.
func handsFlags(function *types.Func) bool {
	signature := function.Signature()
	if function.Name() == "FlagSet" || function.Name() == "PrintSections" {
		return false
	}
	for _, tuple := range []*types.Tuple{signature.Params(), signature.Results()} {
		for number := range tuple.Len() {
			if isFlagSet(tuple.At(number)) || holdsFlagSets(tuple.At(number)) {
				return true
			}
		}
	}
	return holdsFlagSets(signature.Recv())
}

// implementation returns the method behind that of an interface, where the interface's own package has one.
func implementation(function *types.Func) types.Object {
	receiver := function.Signature().Recv()
	if receiver == nil || !types.IsInterface(receiver.Type()) {
		return function
	}
	scope := function.Pkg().Scope()
	for _, name := range scope.Names() {
		named, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || types.IsInterface(named.Type()) {
			continue
		}
		method, _, _ := types.LookupFieldOrMethod(types.NewPointer(named.Type()), true, function.Pkg(), function.Name())
		if found, ok := method.(*types.Func); ok {
			return found
		}
	}
	return function
}
