// Package headers is the older name of package header.
package headers

import "github.com/TykTechnologies/tyk/header"

// Names of headers and values of Content-Type, as Tyk spells them.
const (
	UserAgent               = header.UserAgent
	ContentType             = header.ContentType
	ContentLength           = header.ContentLength
	Authorization           = header.Authorization
	ContentEncoding         = header.ContentEncoding
	Accept                  = header.Accept
	AcceptEncoding          = header.AcceptEncoding
	StrictTransportSecurity = header.StrictTransportSecurity
	CacheControl            = header.CacheControl
	Pragma                  = header.Pragma
	Expires                 = header.Expires
	Connection              = header.Connection
	WWWAuthenticate         = header.WWWAuthenticate
	SetCookie               = header.SetCookie
	Cookie                  = header.Cookie
	TransferEncoding        = header.TransferEncoding
	Host                    = header.Host
	TykHookshot             = header.TykHookshot
	ApplicationJSON         = header.ApplicationJSON
	ApplicationXML          = header.ApplicationXML
	ApplicationSoapXML      = header.ApplicationSoapXML
	TextXML                 = header.TextXML
	XRealIP                 = header.XRealIP
	XForwardFor             = header.XForwardFor
	XAuthResult             = header.XAuthResult
	XSessionAlias           = header.XSessionAlias
	XInitialURI             = header.XInitialURI
	XForwardProto           = header.XForwardProto
	XContentTypeOptions     = header.XContentTypeOptions
	XXSSProtection          = header.XXSSProtection
	XFrameOptions           = header.XFrameOptions
	XTykNodeID              = header.XTykNodeID
	XTykSessionID           = header.XTykSessionID
	XTykNonce               = header.XTykNonce
	XTykHostname            = header.XTykHostname
	XGenerator              = header.XGenerator
	XTykAuthorization       = header.XTykAuthorization
	XTykAcceptExampleName   = header.XTykAcceptExampleName
	XTykAcceptExampleCode   = header.XTykAcceptExampleCode
	Upgrade                 = header.Upgrade
	SecWebSocketProtocol    = header.SecWebSocketProtocol
	SecWebSocketVersion     = header.SecWebSocketVersion
	SecWebSocketKey         = header.SecWebSocketKey
	XRateLimitLimit         = header.XRateLimitLimit
	XRateLimitRemaining     = header.XRateLimitRemaining
	XRateLimitReset         = header.XRateLimitReset
)
