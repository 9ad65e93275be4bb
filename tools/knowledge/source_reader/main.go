// Reads what Kubernetes' programs know, from the sources of the modules that they are made of.
//
//	source-reader gates MINOR MODULE=FOLDER... reads the feature gates of each program: program,gate,stage,default,locked
//	source-reader dependencies MINOR MODULE=FOLDER... reads which gate of a program needs which: program,gate,needed
//	source-reader flags MINOR MODULE=FOLDER... reads the flags of each program but kubeadm: program,flag,deprecation
//	source-reader plugins MINOR MODULE=FOLDER... reads kube-apiserver's admission plugins: plugin,on
package main

import (
	"os"
	"strconv"
	"strings"
)

var programs = []string{
	"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet", "kubeadm",
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: source-reader gates|dependencies|flags|plugins MINOR MODULE=FOLDER...")
	}
	minor, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fail("%s is no minor", os.Args[2])
	}
	roots := map[string]string{}
	for _, argument := range os.Args[3:] {
		module, folder, _ := strings.Cut(argument, "=")
		roots[module] = folder
	}
	read := newSources(roots)
	switch os.Args[1] {
	case "gates":
		for _, program := range programs {
			gates(read, program, minor)
		}
	case "dependencies":
		for _, program := range programs {
			gateDependencies(read, program)
		}
	case "flags":
		for _, program := range programs[:5] {
			flags(read, program)
		}
	case "plugins":
		admission(read, minor)
	default:
		fail("%s cannot be read", os.Args[1])
	}
}
