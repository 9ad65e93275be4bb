package main

import (
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"regexp"
	"strings"
)

// What libraries have a part in: flags of klog, of cadvisor and of Go's own package, which end in a command line.

// registers matches the functions that take a flag over from a library.
var registers = regexp.MustCompile(`^(?:pflag)?[Rr]egister(?:Deprecated)?$`)

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
