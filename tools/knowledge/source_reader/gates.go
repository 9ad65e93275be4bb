package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// spec is the state of a feature gate, from a minor of Kubernetes on; compatible is the minor down to which a program
// must no longer be compatible for it to count.
type spec struct {
	minor, compatible int

	stage   string
	enabled bool
	locked  bool
}

var stages = map[string]string{"Alpha": "alpha", "Beta": "beta", "GA": "ga", "Deprecated": "deprecated"}

// gates prints which feature gates a program knows at a minor.
func gates(s *sources, program string, minor int) {
	known := knownGates(s, program)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if now := current(known[name], minor); now != nil {
			// kubeadm has the field, but never looks at it.
			locked := now.locked && program != "kubeadm"
			fmt.Printf("%s,%s,%s,%t,%t\n", program, name, now.stage, now.enabled, locked)
		}
	}
}

// knownGates returns the gates that a program knows.
func knownGates(s *sources, program string) map[string][]spec { return registered(s, program).found }

// registered returns what the init functions of the packages linked into a program register.
func registered(s *sources, program string) *gateReader {
	reader := &gateReader{s, map[string][]spec{}, map[string][]string{}, map[types.Object]bool{}}
	if program == "kubeadm" {
		reader.variable(s.load("k8s.io/kubernetes/cmd/kubeadm/app/features"), "InitFeatureGates")
		return reader
	}
	reader.variable(s.load("k8s.io/component-base/featuregate"), "defaultFeatures")
	main := "k8s.io/kubernetes/cmd/" + program
	for _, one := range s.closure(main) {
		for _, file := range one.syntax {
			for _, declared := range file.Decls {
				if function, ok := declared.(*ast.FuncDecl); ok && function.Name.Name == "init" && function.Recv == nil {
					reader.registrations(one, function)
				}
			}
		}
	}
	for _, one := range s.closure(main) {
		if strings.HasPrefix(one.path, main) {
			reader.overrides(one)
		}
	}
	return reader
}

// current returns the newest state that is not of a later minor; a gate that has none yet cannot be set. Unless somebody
// asks for something else, a program is compatible with the minor before its own.
func current(specs []spec, minor int) *spec {
	var best *spec
	for number, one := range specs {
		if one.minor <= minor && one.compatible < minor && (best == nil || one.minor >= best.minor) {
			best = &specs[number]
		}
	}
	return best
}

type gateReader struct {
	*sources
	found map[string][]spec
	needs map[string][]string // the gates without which one must not be on
	seen  map[types.Object]bool
}

// registrations looks for maps of gates that a function adds, itself or through functions that it calls.
func (r *gateReader) registrations(one *source, function *ast.FuncDecl) {
	if object := one.info.Defs[function.Name]; object != nil && r.seen[object] {
		return
	} else if object != nil {
		r.seen[object] = true
	}
	if function.Body == nil {
		return
	}
	ast.Inspect(function.Body, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, isMethod := call.Fun.(*ast.SelectorExpr)
		if isMethod && (selector.Sel.Name == "Add" || selector.Sel.Name == "AddVersioned") && len(call.Args) == 1 {
			r.table(one, call.Args[0])
		}
		if isMethod && selector.Sel.Name == "AddDependencies" && len(call.Args) == 1 {
			r.dependencies(one, call.Args[0])
		}
		if home, callee := r.function(one.called(call)); callee != nil && callee.Recv == nil {
			r.registrations(home, callee)
		}
		return true
	})
}

// overrides looks for defaults that a program gives to gates of others.
func (r *gateReader) overrides(one *source) {
	for _, file := range one.syntax {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(selector.Sel.Name, "OverrideDefault") {
				return true
			}
			name, value := one.info.Types[call.Args[0]].Value, one.info.Types[call.Args[1]].Value
			if name == nil || value == nil || value.Kind() != constant.Bool {
				fail("%s: overrides what is not known", r.files.Position(call.Pos()))
			}
			specs := r.found[constant.StringVal(name)]
			for number := range specs {
				specs[number].enabled = constant.BoolVal(value)
			}
			return true
		})
	}
}

// table reads the map that an expression stands for, where it is one of gates.
func (r *gateReader) table(one *source, expression ast.Expr) {
	switch value := ast.Unparen(expression).(type) {
	case *ast.CompositeLit:
		r.literal(one, value)
	case *ast.Ident:
		r.variable(one, value.Name)
	case *ast.CallExpr:
		home, function := r.function(one.called(value))
		if function == nil {
			return
		}
		if len(value.Args) == 1 {
			r.table(one, value.Args[0])
			return
		}
		ast.Inspect(function.Body, func(node ast.Node) bool {
			if returned, ok := node.(*ast.ReturnStmt); ok && len(returned.Results) == 1 {
				r.table(home, returned.Results[0])
			}
			return true
		})
	}
}

// variable reads the map that a variable of a package begins with.
func (r *gateReader) variable(one *source, name string) {
	if one == nil {
		return
	}
	if value := one.initial(name); value != nil {
		r.table(one, value)
	}
}

func (r *gateReader) literal(one *source, table *ast.CompositeLit) {
	if table.Type == nil || !strings.Contains(types.ExprString(table.Type), "Feature") {
		return
	}
	for _, element := range table.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		r.found[r.gate(one, pair.Key)] = r.specs(one, pair.Value)
	}
}

// specs reads one state, or the states by version.
func (r *gateReader) specs(one *source, expression ast.Expr) []spec {
	value, ok := expression.(*ast.CompositeLit)
	if !ok {
		fail("%s: no literal", r.files.Position(expression.Pos()))
	}
	var found []spec
	state, isState := spec{}, false
	for _, element := range value.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			isState = r.field(one, pair, &state, &found) || isState
		} else {
			found = append(found, r.specs(one, element)...)
		}
	}
	if isState {
		found = append(found, state)
	}
	return found
}

// field reads one field of a state; it is false for fields that are none of one.
func (r *gateReader) field(one *source, pair *ast.KeyValueExpr, state *spec, found *[]spec) bool {
	switch name := types.ExprString(pair.Key); name {
	case "Default", "LockToDefault":
		value := one.info.Types[pair.Value].Value
		if value == nil || value.Kind() != constant.Bool {
			fail("%s: neither true nor false", r.files.Position(pair.Pos()))
		}
		if name == "Default" {
			state.enabled = constant.BoolVal(value)
		} else {
			state.locked = constant.BoolVal(value)
		}
	case "PreRelease":
		words := strings.Split(types.ExprString(pair.Value), ".")
		state.stage = stages[words[len(words)-1]]
		if state.stage == "" {
			fail("%s: no stage", r.files.Position(pair.Pos()))
		}
	case "Version":
		state.minor = r.minor(pair)
	case "MinCompatibilityVersion":
		state.compatible = r.minor(pair)
	case "FeatureSpec":
		*found = append(*found, r.specs(one, pair.Value)...)
		return false
	default:
		return false
	}
	return true
}

// minor reads version.MustParse("1.33") or version.MajorMinor(1, 33).
func (r *gateReader) minor(pair *ast.KeyValueExpr) int {
	call, ok := pair.Value.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		fail("%s: no version", r.files.Position(pair.Pos()))
	}
	text := types.ExprString(call.Args[len(call.Args)-1])
	number, err := strconv.Atoi(strings.TrimPrefix(strings.Trim(text, `"`), "1."))
	if err != nil {
		fail("%s: no version", r.files.Position(pair.Pos()))
	}
	return number
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
