package main

import (
	"encoding/csv"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

const (
	pflag = "github.com/spf13/pflag"
	logs  = "k8s.io/component-base/logs"
	cli   = "k8s.io/component-base/cli"
)

// commands names the function that makes each program's command line.
var commands = map[string]string{
	"kube-apiserver":          "NewAPIServerCommand",
	"kube-controller-manager": "NewControllerManagerCommand",
	"kube-proxy":              "NewProxyCommand",
	"kube-scheduler":          "NewSchedulerCommand",
	"kubelet":                 "NewKubeletCommand",
}

// defines matches pflag's functions that define a flag; those that end in Var take the variable before the name.
var defines = regexp.MustCompile(`^(?:Bool|String|U?[Ii]nt|Float|Duration|IP|Count|BytesHex|Text|Func)\w*$|^Var(?:P|PF)?$`)

// registers matches the functions that take a flag over from a library.
var registers = regexp.MustCompile(`^(?:pflag)?[Rr]egister(?:Deprecated)?$`)

type flag struct{ deprecated string }

// flagReader follows a command line as it is put together: through every function that is handed a set of flags.
type flagReader struct {
	*sources
	program string
	found   map[string]*flag
	active  map[types.Object]bool
	klog    map[string]bool
}

// scope is a function on the way, with those of its parameters whose text is known.
type scope struct {
	*source
	texts      map[types.Object]string
	deprecated string // what every flag is marked with, but for those that are spared
	spared     map[string]bool
}

func flags(s *sources, program string) {
	start := s.load("k8s.io/kubernetes/cmd/" + program + "/app")
	if start == nil {
		fail("%s is not there", program)
	}
	reader := flagReader{s, program, map[string]*flag{}, map[types.Object]bool{}, klogFlags(s)}
	home, function := s.function(start.types.Scope().Lookup(commands[program]))
	if function == nil {
		fail("%s has no %s", program, commands[program])
	}
	reader.walk(home, function, scope{})
	if program != "kubelet" {
		// The others leave it to cobra, which takes in what libraries define for the whole program.
		reader.global()
		reader.found["help"] = &flag{}
	}
	writer := csv.NewWriter(os.Stdout)
	for _, name := range slices.Sorted(maps.Keys(reader.found)) {
		_ = writer.Write([]string{program, name, reader.found[name].deprecated})
	}
	writer.Flush()
}

// walk looks at every call of a function. What runs later, the functions written within it, is left out.
func (r *flagReader) walk(home *source, function *ast.FuncDecl, at scope) {
	object := home.info.Defs[function.Name]
	if r.active[object] || function.Body == nil {
		return
	}
	r.active[object] = true
	defer delete(r.active, object)
	at.source = home
	r.deprecation(&at, function)
	r.inspect(&at, function.Body)
}

func (r *flagReader) inspect(at *scope, part ast.Node) {
	ast.Inspect(part, func(node ast.Node) bool {
		switch one := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.RangeStmt:
			return !r.loop(at, one)
		case *ast.CallExpr:
			r.call(at, one)
		}
		return true
	})
}

// loop goes through a loop over names that are known; it is false for others.
func (r *flagReader) loop(at *scope, loop *ast.RangeStmt) bool {
	variable, ok := loop.Value.(*ast.Ident)
	if !ok {
		return false
	}
	values := loop.X
	if name, ok := values.(*ast.Ident); ok {
		values = at.initial(name.Name)
	}
	list, ok := values.(*ast.CompositeLit)
	if !ok {
		return false
	}
	for _, element := range list.Elts {
		text, ok := r.text(at, element)
		if !ok {
			return false
		}
		inner := *at
		inner.texts = maps.Clone(at.texts)
		if inner.texts == nil {
			inner.texts = map[types.Object]string{}
		}
		inner.texts[at.info.Defs[variable]] = text
		r.inspect(&inner, loop.Body)
	}
	return true
}

// deprecation finds what a function marks all of its flags with, as the kubelet does with those that its file has.
func (r *flagReader) deprecation(at *scope, function *ast.FuncDecl) {
	texts := map[string]string{}
	ast.Inspect(function.Body, func(node ast.Node) bool {
		assigned, ok := node.(*ast.AssignStmt)
		if !ok || len(assigned.Lhs) != 1 {
			return true
		}
		switch left := assigned.Lhs[0].(type) {
		case *ast.Ident:
			if text, ok := r.text(at, assigned.Rhs[0]); ok {
				texts[left.Name] = text
			} else if table, ok := assigned.Rhs[0].(*ast.CompositeLit); ok && left.Name == "notDeprecated" {
				at.spared = map[string]bool{}
				for _, element := range table.Elts {
					if name, ok := r.text(at, element.(*ast.KeyValueExpr).Key); ok {
						at.spared[name] = true
					}
				}
			}
		case *ast.SelectorExpr:
			if right, ok := assigned.Rhs[0].(*ast.Ident); ok && left.Sel.Name == "Deprecated" {
				at.deprecated = texts[right.Name]
			}
		}
		return true
	})
}

func (r *flagReader) call(at *scope, call *ast.CallExpr) {
	object := at.called(call)
	if object == nil || object.Pkg() == nil {
		return
	}
	function, ok := object.(*types.Func)
	if !ok {
		return
	}
	switch {
	case object.Pkg().Path() == pflag || isFlagSet(function.Signature().Recv()):
		r.pflag(at, call, object.Name())
	case object.Pkg().Path() == logs && object.Name() == "AddFlags":
		r.logging(at, call)
	case strings.HasPrefix(object.Pkg().Path(), "k8s.io/klog") && object.Name() == "InitFlags":
		for name := range r.klog {
			r.add(at, name)
		}
	case registers.MatchString(object.Name()) && handsFlags(function) && len(call.Args) > 1:
		r.registered(at, call, object.Name())
	case handsFlags(function) || object.Pkg().Path() == at.path && takesName(function):
		r.follow(at, call, function)
	}
}

// follow walks through the function that is called.
func (r *flagReader) follow(at *scope, call *ast.CallExpr, function *types.Func) {
	home, declared := r.function(implementation(function))
	if declared == nil {
		r.warn(call, "calls %s, which cannot be followed", function.FullName())
		return
	}
	texts := map[types.Object]string{}
	parameters := function.Signature().Params()
	for number, argument := range call.Args {
		if text, ok := r.text(at, argument); ok && number < parameters.Len() {
			texts[parameters.At(number)] = text
		}
	}
	r.walk(home, declared, scope{texts: texts, deprecated: at.deprecated, spared: at.spared})
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

// takesName tells whether a function is given the name of something, a flag perhaps.
func takesName(function *types.Func) bool {
	for one := range function.Signature().Params().Variables() {
		if one.Name() == "name" {
			return true
		}
	}
	return false
}

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

// pflag reads a call of pflag itself.
func (r *flagReader) pflag(at *scope, call *ast.CallExpr, method string) {
	switch {
	case method == "MarkDeprecated":
		name, known := r.text(at, call.Args[0])
		message, _ := r.text(at, call.Args[1])
		if !known {
			r.warn(call, "marks a flag whose name is not known")
		} else if one := r.found[normalized(name)]; one != nil {
			one.deprecated = message
		}
	case method == "AddFlag":
		if lookup, ok := call.Args[0].(*ast.CallExpr); ok && len(lookup.Args) == 1 {
			if name, ok := r.text(at, lookup.Args[0]); ok {
				r.add(at, name)
				return
			}
		}
		r.warn(call, "adds a flag that is not known")
	case defines.MatchString(method) && len(call.Args) > 1:
		position := 0
		if strings.Contains(method, "Var") {
			position = 1
		}
		name, ok := r.text(at, call.Args[position])
		if !ok {
			r.warn(call, "defines a flag whose name is not known")
			return
		}
		r.add(at, name)
	case method == "AddGoFlagSet" && strings.HasSuffix(types.ExprString(call.Args[0]), ".CommandLine"):
		for name := range r.goFlags() {
			r.add(at, name)
		}
	}
}

// goFlags returns the flags that the packages of the program define with Go's own package.
func (r *flagReader) goFlags() map[string]bool {
	found := map[string]bool{}
	for _, one := range r.closure("k8s.io/kubernetes/cmd/" + r.program) {
		for _, file := range one.syntax {
			ast.Inspect(file, func(node ast.Node) bool {
				call, ok := node.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				path := one.imported(selector.X)
				if strings.HasPrefix(path, "k8s.io/klog") && selector.Sel.Name == "InitFlags" {
					switch types.ExprString(call.Args[0]) {
					case "nil", "flag.CommandLine":
						maps.Copy(found, r.klog)
					}
				}
				if path != "flag" || !defines.MatchString(selector.Sel.Name) || len(call.Args) < 3 {
					return true
				}
				position := 0
				if strings.Contains(selector.Sel.Name, "Var") {
					position = 1
				}
				if name, ok := r.text(&scope{source: one}, call.Args[position]); ok {
					found[name] = true
				}
				return true
			})
		}
	}
	return found
}

// logging adds what the package of logs adds to a set of flags: its own flag and those of klog.
func (r *flagReader) logging(at *scope, call *ast.CallExpr) {
	skips := len(call.Args) > 1
	home := r.load(logs)
	deprecated, later := "", false
	if object := home.types.Scope().Lookup("deprecated"); object != nil {
		deprecated = constant.StringVal(object.(*types.Const).Val())
	}
	passesKlog := false
	for _, file := range home.syntax {
		for _, imported := range file.Imports {
			later = later || strings.Contains(imported.Path.Value, "klogflags")
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if name, ok := node.(*ast.Ident); ok && name.Name == "packageFlags" {
				passesKlog = true
			}
			return true
		})
	}
	if !skips {
		r.add(at, "log-flush-frequency")
	}
	if !passesKlog {
		return
	}
	for name := range r.klog {
		switch {
		case name == "v" || name == "vmodule":
			if !skips {
				r.add(at, name)
			}
		case !later:
			r.add(at, name)
			r.found[normalized(name)].deprecated = deprecated
		}
	}
}

// registered reads the calls that take a flag over from a library, under its own name.
func (r *flagReader) registered(at *scope, call *ast.CallExpr, function string) {
	last := len(call.Args) - 1
	message := ""
	if function == "registerDeprecated" {
		message, _ = r.text(at, call.Args[last])
		last--
	}
	name, ok := r.text(at, call.Args[last])
	if !ok {
		// Constants of libraries that are not read are called as their flags are.
		selector, isSelector := call.Args[last].(*ast.SelectorExpr)
		if !isSelector {
			r.warn(call, "takes over a flag whose name is not known")
			return
		}
		name = strings.ToLower(regexp.MustCompile(`(.)([A-Z])`).ReplaceAllString(selector.Sel.Name, "$1-$2"))
	}
	r.add(at, name)
	if message != "" {
		r.found[normalized(name)].deprecated = message
	}
}

// global adds the flags that libraries define for the whole program, which cobra takes in.
func (r *flagReader) global() {
	for _, one := range r.closure("k8s.io/kubernetes/cmd/" + r.program) {
		at := scope{source: one}
		for _, file := range one.syntax {
			for _, declared := range file.Decls {
				switch part := declared.(type) {
				case *ast.GenDecl:
					r.globals(&at, part)
				case *ast.FuncDecl:
					if part.Name.Name == "init" || part.Name.Name == "main" {
						r.globals(&at, part.Body)
					}
				}
			}
		}
	}
}

func (r *flagReader) globals(at *scope, node ast.Node) {
	ast.Inspect(node, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		function, ok := at.called(call).(*types.Func)
		if !ok || function.Pkg() == nil {
			return true
		}
		switch function.Pkg().Path() {
		case cli:
			// What it is handed is no set of flags, but it adds some.
			home := r.load(cli)
			if _, run := r.function(home.types.Scope().Lookup("run")); run != nil {
				r.walk(home, run, scope{})
			}
		case pflag:
			if function.Signature().Recv() == nil || function.Name() == "AddGoFlagSet" {
				r.pflag(at, call, function.Name())
			}
		case at.path:
			if takesName(function) {
				r.follow(at, call, function)
			}
		}
		return true
	})
}

func (r *flagReader) add(at *scope, name string) {
	name = normalized(name)
	one := r.found[name]
	if one == nil {
		one = &flag{}
		r.found[name] = one
	}
	if at.deprecated != "" && !at.spared[name] {
		one.deprecated = at.deprecated
	}
}

func normalized(name string) string { return strings.ReplaceAll(name, "_", "-") }

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
			format = regexp.MustCompile(`%[a-z]`).ReplaceAllLiteralString(format, text)
		}
		return format, true
	}
	return "", false
}

// klogFlags returns the flags that klog itself defines.
func klogFlags(s *sources) map[string]bool {
	found := map[string]bool{}
	for _, path := range []string{"k8s.io/klog/v2", "k8s.io/klog"} {
		one := s.load(path)
		if one == nil {
			continue
		}
		for _, file := range one.syntax {
			ast.Inspect(file, func(node ast.Node) bool {
				call, ok := node.(*ast.CallExpr)
				if !ok || len(call.Args) < 3 {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				if ok && strings.HasSuffix(selector.Sel.Name, "Var") {
					if value := one.info.Types[call.Args[1]].Value; value != nil && value.Kind() == constant.String {
						found[constant.StringVal(value)] = true
					}
				}
				return true
			})
		}
		break
	}
	return found
}

func (r *flagReader) warn(call *ast.CallExpr, format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "%s: "+format+"\n", append([]any{r.files.Position(call.Pos())}, arguments...)...)
}
