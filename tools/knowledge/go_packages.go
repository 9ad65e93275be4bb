// Prints, as JSON, what Go packages say in their source about the API types in them. Nothing is compiled or run.
//
//	go run go_packages.go -module k8s.io/api=DIR [-module ...] PACKAGE...
//
// PACKAGE is an import path within one of the modules. What other packages declare is looked up where their module is
// given, and left out where it is not.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// Package is what is told of one.
type Package struct {
	// The import paths of the packages whose types it adds to its scheme.
	Adds []string `json:"adds"`
	// [group, version, kind] of each type that it registers, or that the package does which it is built on.
	Kinds [][3]string `json:"kinds"`
	// By type: [introduced, deprecated, removed, replacement], as upstream marks them.
	Lifecycle map[string][4]string `json:"lifecycle"`
	// By registered type: the dotted names of its fields.
	Fields map[string][]string `json:"fields"`
	// Calls in the functions that say what an API server serves by default: [function, group, version, resource].
	Served [][4]string `json:"served"`
	// Feature gates without which a resource is not served: [group, version, resource, gate].
	Gates [][4]string `json:"gates"`
	// By variable: the keys of maps that functions declare.
	Maps map[string][]string `json:"maps"`
}

type source struct {
	path  string
	files []*ast.File
}

var modules = map[string]string{}
var parsed = map[string]*source{}

func main() {
	flag.Func("module", "PATH=DIRECTORY", func(text string) error {
		path, directory, _ := strings.Cut(text, "=")
		modules[path] = directory
		return nil
	})
	flag.Parse()
	result := map[string]Package{}
	for _, path := range flag.Args() {
		if one := load(path); one != nil {
			result[path] = describe(one)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func describe(one *source) Package {
	result := Package{
		Adds: one.adds(), Kinds: one.kinds(), Lifecycle: one.lifecycle(), Fields: map[string][]string{},
		Served: one.served(), Gates: one.gates(), Maps: one.maps(),
	}
	for _, kind := range result.Kinds {
		if home, found := one.home(kind[2]); found != nil {
			result.Fields[kind[2]] = home.fields(found, "", map[*ast.StructType]bool{})
		}
	}
	return result
}

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

func sorted(names map[string]bool) []string {
	result := []string{}
	for name := range names {
		result = append(result, name)
	}
	sort.Strings(result)
	return result
}
