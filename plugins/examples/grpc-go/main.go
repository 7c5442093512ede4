// A gRPC plugin server: one function per kind of hook. Usage: grpc-go ADDRESS
//
// ADDRESS is host:port or unix:///path. The package coprocess is made from plugins/proto, see README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pinhook.example/grpc-go/coprocess"
)

type dispatcher struct {
	coprocess.UnimplementedDispatcherServer
}

// Dispatch calls the hook that the API definition names. The same object goes back, edited: a new one would empty URL,
// method and body.
func (dispatcher) Dispatch(ctx context.Context, call *coprocess.Object) (*coprocess.Object, error) {
	hook, known := hooks[call.HookName]
	if !known {
		return nil, status.Errorf(codes.Unimplemented, "no hook %s", call.HookName)
	}
	if err := hook(ctx, call); err != nil {
		return nil, err
	}
	return call, nil
}

// DispatchEvent hears of the events that an API's cp_dynamic_handler asks for.
func (dispatcher) DispatchEvent(_ context.Context, event *coprocess.Event) (*coprocess.EventReply, error) {
	var heard struct {
		Message     struct{ Type string } `json:"message"`
		HandlerName string                `json:"handler_name"`
	}
	if err := json.Unmarshal([]byte(event.Payload), &heard); err != nil {
		return nil, err
	}
	fmt.Println("event", heard.HandlerName, heard.Message.Type)
	return &coprocess.EventReply{}, nil
}

func listen(address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		return net.Listen("unix", path)
	}
	return net.Listen("tcp", address)
}

func main() {
	listener, err := listen(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	coprocess.RegisterDispatcherServer(server, dispatcher{})
	fmt.Println("listening on", os.Args[1])
	log.Fatal(server.Serve(listener))
}
