// What scripts of the drivers `otto` and `javascript` find, for editors and for `tsc --checkJs`.
//
// At the top of a script:  /// <reference path="../../sdk/js/pinhook.d.ts" />
// Names and shapes are Tyk's; what is pinhook's own says so.

/** Header or parameter names with all their values. */
type Values = { [name: string]: string[] };
type Texts = { [name: string]: string };

/** A request as a hook sees it. What is not listed under "edits" is read only. */
interface TykRequest {
  /** All values of each header, `Host` included. */
  readonly Headers: Values;
  /** All values of each query parameter. */
  readonly Params: Values;
  readonly Method: string;
  /** The request target as the client sent it. */
  readonly RequestURI: string;
  readonly Scheme: "http" | "https";

  // edits
  /** Headers to set; each replaces all values of its name. */
  SetHeaders: Texts;
  /** Headers to remove, before any is set. */
  DeleteHeaders: string[];
  /** The body as text. Bytes that are no UTF-8 are lost: see IgnoreBody. */
  Body: string;
  /** True leaves the body as it came, byte for byte. */
  IgnoreBody: boolean;
  /** Path and query; `tyk://api-id/path` goes on in another API of this gateway. */
  URL: string;
  AddParams: Texts;
  DeleteParams: string[];
  ExtendedParams: Values;
  ReturnOverrides: ReturnOverrides;

  /** pinhook: sends this one request to another target, such as `http://10.0.0.7:9000`. */
  SetTarget(url: string): void;
}

/** An answer of the hook's own; a code other than 0 ends the request here. */
interface ReturnOverrides {
  ResponseCode: number;
  ResponseBody: string;
  /** Wins over ResponseBody. */
  ResponseError: string;
  ResponseHeaders: Texts;
  /** From 400 on: the body as it stands, not the error template. */
  OverrideError: boolean;
}

interface TykResponse {
  StatusCode: number;
  /** The body as text. */
  Body: string;
  readonly Headers: Values;
  SetHeaders: Texts;
  DeleteHeaders: string[];
}

/** A session by the names of its JSON; members that are empty are absent. */
interface TykSession {
  alias?: string;
  org_id?: string;
  rate?: number;
  per?: number;
  quota_max?: number;
  quota_remaining?: number;
  expires?: number;
  meta_data?: { [name: string]: any };
  tags?: string[];
  apply_policies?: string[];
  access_rights?: { [apiId: string]: { api_id: string; api_name?: string; versions?: string[] } };
  [member: string]: any;
}

interface TykConfig {
  readonly APIID: string;
  readonly OrgID: string;
  /** The definition's `config_data`; absent when disabled, null when there is none. */
  readonly config_data?: any;
}

type RequestResult = { Request: TykRequest; SessionMeta: Texts };
type AuthResult = { Request: TykRequest; Session: TykSession; AuthValue?: string };
type ResponseResult = { Response: TykResponse; SessionMeta: Texts };

interface TykMiddleware {
  NewProcessRequest(
    handler: (request: TykRequest, session: TykSession, config: TykConfig) => RequestResult | AuthResult,
  ): void;
  NewProcessResponse(
    handler: (response: TykResponse, request: TykRequest, session: TykSession, config: TykConfig) => ResponseResult,
  ): void;
  /** `meta` replaces the session's `meta_data` where the entry has `require_session`. */
  ReturnData(request: TykRequest, meta: Texts): RequestResult;
  ReturnAuthData(request: TykRequest, session: TykSession): AuthResult;
  ReturnResponseData(response: TykResponse, meta: Texts): ResponseResult;
}

interface TykEvent {
  /** Such as `AuthFailure`. */
  Type: string;
  Meta: { Message: string; OriginatingRequest: string; [member: string]: any };
  TimeStamp: string;
}

declare const TykJS: {
  TykMiddleware: { NewMiddleware: new (config: object) => TykMiddleware };
  TykEventHandlers: {
    NewEventHandler: new (config?: object) => {
      NewHandler(handler: (event: TykEvent, context: { APIID: string; OrgID: string }) => void): void;
    };
  };
};

/** What a virtual endpoint returns. */
declare function TykJsResponse(
  response: { Body: string; Headers?: Texts; Code: number },
  sessionMeta?: { [name: string]: any },
): string;

declare function log(text: string): void;
/** The text alone, without the log's form. */
declare function rawlog(text: string): void;
declare function b64enc(text: string): string;
declare function b64dec(text: string): string | undefined;
declare function rawb64enc(text: string): string;
declare function rawb64dec(text: string): string | undefined;

// Helpers that wait. A script that names one runs on a thread of its own.

/** `{Method, Body, Headers, Domain, Resource, FormData}` as JSON; JSON `{Code, Body, Headers}`, or undefined on failure. */
declare function TykMakeHttpRequest(json: string): string | undefined;
/** `{requests: [{method, headers, body, relative_url}], suppress_parallel_execution}` as JSON; a JSON list. */
declare function TykBatchRequest(json: string): string | undefined;
/** The key's session as JSON, or an error object. */
declare function TykGetKeyData(key: string, apiId: string): string;
/** `"1"` leaves its quota as it is. */
declare function TykSetKeyData(key: string, sessionJson: string, suppressReset: string): void;
declare function TykStorageGet(key: string): string | null;
declare function TykStorageSet(key: string, value: string, ttlSeconds: number): void;
declare function TykStorageSetNX(key: string, value: string, ttlSeconds: number): boolean;
declare function TykStorageDel(key: string): void;
/** Seconds; -1 for ever, -2 not there. */
declare function TykStorageTTL(key: string): number;
declare function TykStorageIncr(key: string, ttlSeconds: number): string;

interface CallOptions {
  method?: string;
  headers?: { [name: string]: string | string[] };
  body?: string;
  /** Milliseconds; at most what is left of the hook's own time. */
  timeout?: number;
}
interface CallReply {
  /** 0 if there was no answer. */
  status: number;
  headers: Values;
  body: string;
  /** Why there was none. */
  error?: string;
}
/** pinhook: asks a URL, or an API of this gateway as `tyk://api-id/path`. It never throws. */
declare function call(url: string, options?: CallOptions): CallReply;
/** pinhook: several at once; replies in the order of the calls. */
declare function callAll(calls: ({ url: string } & CallOptions)[]): CallReply[];
