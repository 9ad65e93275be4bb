package main

import (
	"encoding/csv"
	"fmt"
	"go/ast"
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
			r.marked(at, normalized(name)) // what marks every flag does so last
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

func (r *flagReader) add(at *scope, name string) {
	name = normalized(name)
	one := r.found[name]
	if one == nil {
		one = &flag{}
		r.found[name] = one
	}
	r.marked(at, name)
}

// marked gives a flag the mark that the function gives all of its own.
func (r *flagReader) marked(at *scope, name string) {
	if at.deprecated != "" && !at.spared[name] {
		r.found[name].deprecated = at.deprecated
	}
}

func (r *flagReader) warn(call *ast.CallExpr, format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "%s: "+format+"\n", append([]any{r.files.Position(call.Pos())}, arguments...)...)
}
