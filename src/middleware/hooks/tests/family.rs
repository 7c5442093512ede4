//! What becomes of sessions, answers and failures, by family.

use super::*;
use crate::{
    middleware::tests::denied,
    session::{SessionState, Sessions},
};

fn state(json: Value) -> Option<Arc<SessionState>> {
    Some(Arc::new(SessionState::parse(json.to_string().as_bytes()).unwrap()))
}

fn passes(mut object: Box<Object>, edit: impl FnOnce(&mut Object)) -> Result<Box<Object>, Failure> {
    edit(&mut object);
    Ok(object)
}

/// Calls it for somebody whom nobody knows yet.
async fn first(call: &Call) -> (Request, Result<Flow>) {
    run(call).await
}

/// Calls it for a stored key with the meta data `n: 1`.
async fn known(call: &Call) -> (Request, Result<Flow>) {
    let mut request = request().await;
    let sessions = request.ctx.snapshot.services.sessions.clone();
    let state = Arc::unwrap_or_clone(state(json!({ "meta_data": { "n": "1", "token": "k" } })).unwrap());
    let mut key = sessions.new_key("k", state);
    (key.stored, key.modified) = (true, false);
    request.ctx.state = Some(key);
    let flow = call.run(&mut request.session, &mut request.ctx).await;
    (request, flow)
}

fn sessions(request: &Request) -> &Sessions {
    &request.ctx.snapshot.services.sessions
}

fn answers(manner: Manner, status: u16, body: &'static str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.append("x-a", "1".parse().unwrap());
    headers.append("x-a", "2".parse().unwrap());
    headers.append("content-length", "77".parse().unwrap());
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into(), manner }
}

#[tokio::test]
async fn a_scripts_session_counts_as_it_stands() {
    let call = call_of(Family::Script, HookKind::Auth, |object| {
        assert!(object.state.is_none() && object.metadata.is_empty());
        passes(object, |object| {
            object.state = state(json!({ "rate": 7.0, "apply_policies": ["unknown"] }));
            object.metadata.insert("token".into(), "who".into());
        })
    });
    let (request, flow) = first(&call).await;
    assert!(passed(&flow));
    let key = request.ctx.state.unwrap();
    assert_eq!((&*key.id, key.state.rate, &*key.state.org_id), ("who", 7.0, ""));
    assert!(key.modified && !key.stored, "it is stored after the chain");
}

#[tokio::test]
async fn a_scripts_session_without_a_key_lives_for_its_request() {
    let call = call_of(Family::Script, HookKind::Auth, |object| {
        passes(object, |object| object.state = state(json!({ "alias": "a" })))
    });
    let (request, flow) = first(&call).await;
    assert!(passed(&flow));
    let key = request.ctx.state.unwrap();
    assert_eq!((&*key.id, &*key.hash, &*key.state.alias, key.modified), ("", "", "a", false));
}

#[tokio::test]
async fn a_token_that_an_earlier_hook_left_is_no_auth_hooks() {
    for (family, status) in [(Family::Script, None), (Family::Coprocess, Some(403))] {
        let call = call_of(family, HookKind::Auth, |object| {
            passes(object, |object| {
                object.state = state(json!({}));
                object.metadata.insert("own".into(), "1".into());
            })
        });
        let mut request = request().await;
        let left = [("token", "stolen"), ("seen", "yes")];
        let left = left.map(|(name, text)| (name.to_owned(), text.to_owned()));
        request.ctx.metadata = Some(Box::new(left.into()));
        let flow = call.run(&mut request.session, &mut request.ctx).await;
        match status {
            None => assert_eq!(&*request.ctx.state.as_ref().unwrap().id, ""),
            Some(status) => assert_eq!(denied(&flow), (status, "Forbidden")),
        }
        let names: Vec<_> = request.ctx.metadata.unwrap().into_keys().collect();
        assert_eq!(names, ["own", "seen"]);
    }
}

#[tokio::test]
async fn a_script_that_returns_no_session_lets_everybody_in_and_is_named() {
    let call = call_of(Family::Script, HookKind::Auth, Ok);
    let (request, flow) = first(&call).await;
    assert!(passed(&flow));
    assert_eq!(*request.ctx.state.unwrap().state, SessionState::default());
    assert!(call.warned.load(std::sync::atomic::Ordering::Relaxed));
}

#[tokio::test]
async fn a_script_that_answers_identifies_nobody() {
    for family in [Family::Script, Family::Coprocess] {
        let call = call_of(family, HookKind::Auth, |object| {
            passes(object, |object| {
                object.state = state(json!({}));
                object.metadata.insert("token".into(), "who".into());
                object.answer = Some(answers(Manner::Template, 401, "go away"));
            })
        });
        let (request, flow) = first(&call).await;
        assert_eq!(denied(&flow), (401, "go away"));
        assert!(request.ctx.state.is_none());
    }
}

#[tokio::test]
async fn another_method_may_be_the_one_that_identifies() {
    for family in [Family::Script, Family::Coprocess] {
        let mut call = call_of(family, HookKind::Auth, |object| {
            passes(object, |object| {
                object.state = state(json!({ "alias": "hook's" }));
                object.metadata.insert("token".into(), "who".into());
            })
        });
        call.sessions.identify = false;
        let (request, flow) = known(&call).await;
        assert!(passed(&flow));
        assert_eq!(&*request.ctx.state.unwrap().id, "k");
    }
}

#[tokio::test]
async fn a_scripts_edit_of_the_session_is_saved_as_it_stands() {
    let call = call_of(Family::Script, HookKind::Post, |object| {
        passes(object, |object| object.state = state(json!({ "meta_data": { "n": "2" } })))
    });
    let (request, flow) = known(&call).await;
    assert!(passed(&flow));
    let key = request.ctx.state.unwrap();
    assert_eq!((&*key.id, &key.state.meta_data["n"], key.modified), ("k", &json!("2"), true));
    let (request, flow) = first(&call).await;
    assert!(passed(&flow) && request.ctx.state.is_none(), "an edit makes nobody known");
    let (request, _) = known(&call_of(Family::Script, HookKind::Post, Ok)).await;
    assert!(!request.ctx.state.unwrap().modified);
}

#[tokio::test]
async fn a_native_hook_of_any_kind_may_say_who_calls() {
    for (kind, unsaved) in [(HookKind::Pre, false), (HookKind::Post, true), (HookKind::Auth, true)] {
        let run: Run = match unsaved {
            false => |object| {
                passes(object, |object| {
                    object.state = state(json!({ "alias": "a" }));
                    object.metadata.insert("token".into(), "t".into());
                })
            },
            true => |object| {
                passes(object, |object| {
                    object.state = state(json!({ "alias": "a" }));
                    object.metadata.insert("token".into(), "t".into());
                    object.unsaved = true;
                })
            },
        };
        let (request, flow) = first(&call_of(Family::Native, kind, run)).await;
        assert!(passed(&flow), "{kind}");
        let key = request.ctx.state.unwrap();
        assert_eq!((&*key.id, &*key.state.alias, key.modified), ("t", "a", !unsaved), "{kind}");
    }
}

#[tokio::test]
async fn a_rich_plugins_session_needs_a_key_and_gets_policies() {
    let rich = |run: Run| call_of(Family::Coprocess, HookKind::Auth, run);
    let nobody: Run = Ok;
    let nameless: Run = |object| passes(object, |object| object.state = state(json!({ "alias": "a" })));
    let unknown_policy: Run = |object| {
        passes(object, |object| {
            object.state = state(json!({ "apply_policies": ["unknown"], "meta_data": { "token": "t" } }));
        })
    };
    for run in [nobody, nameless, unknown_policy] {
        let (request, flow) = first(&rich(run)).await;
        assert_eq!(denied(&flow), (403, "Forbidden"));
        assert!(request.ctx.state.is_none());
    }
    let call = rich(|object| {
        passes(object, |object| {
            object.state = state(json!({ "org_id": "theirs", "meta_data": { "token": "old", "kept": 1 } }));
            object.metadata.insert("token".into(), "t".into());
        })
    });
    let (request, flow) = first(&call).await;
    assert!(passed(&flow));
    let key = request.ctx.state.as_ref().unwrap();
    assert_eq!((&*key.id, &*key.state.org_id, key.modified), ("t", "org", true));
    assert_eq!(key.state.meta_data["kept"], 1);
    assert_eq!(*key.hash, *sessions(&request).hash("t"));

    let mut only_the_old_flag = rich(nobody);
    only_the_old_flag.sessions.count = false;
    let (request, flow) = first(&only_the_old_flag).await;
    assert!(passed(&flow) && request.ctx.state.is_none(), "the step after auth answers 400");
}

#[tokio::test]
async fn what_a_rich_plugins_key_has_used_stays_used() {
    let call = call_of(Family::Coprocess, HookKind::Auth, |object| {
        passes(object, |object| {
            object.state = state(json!({
                "quota_max": 10, "quota_remaining": 10,
                "access_rights": { "app": { "limit": { "quota_max": 5, "quota_remaining": 5 } }, "other": {} },
            }));
            object.metadata.insert("token".into(), "t".into());
        })
    });
    let mut request = request().await;
    let stored = state(json!({
        "quota_max": 10, "quota_remaining": 3, "quota_renews": 99,
        "access_rights": { "app": { "limit": { "quota_max": 5, "quota_remaining": 1, "quota_renews": 77 } } },
    }));
    let key = sessions(&request).new_key("t", Arc::unwrap_or_clone(stored.unwrap()));
    sessions(&request).save(&key, crate::session::ApiLifetime::default()).await.unwrap();
    let flow = call.run(&mut request.session, &mut request.ctx).await;
    assert!(passed(&flow));
    let state = &request.ctx.state.as_ref().unwrap().state;
    assert_eq!((state.quota_remaining, state.quota_renews), (3, 99));
    let limit = &state.access_rights["app"].limit;
    assert_eq!((limit.quota_max, limit.quota_remaining, limit.quota_renews), (5, 1, 77));
    assert_eq!(state.access_rights["other"].limit.quota_remaining, 0);
}

#[tokio::test]
async fn a_later_rich_plugin_cannot_edit_the_session() {
    let call = call_of(Family::Coprocess, HookKind::Post, |object| {
        passes(object, |object| object.state = state(json!({ "meta_data": { "n": "2" } })))
    });
    let (request, flow) = known(&call).await;
    assert!(passed(&flow));
    let key = request.ctx.state.unwrap();
    assert_eq!((&key.state.meta_data["n"], key.modified), (&json!("1"), false));
}

#[tokio::test]
async fn a_refusal_in_the_template_takes_the_hooks_headers_along() {
    let template: Run =
        |object| passes(object, |object| object.answer = Some(answers(Manner::Template, 403, "")));
    for (family, message) in [(Family::Script, ""), (Family::Coprocess, "Key not authorised")] {
        let (_, flow) = first(&call_of(family, HookKind::Post, template)).await;
        let Ok(Flow::Deny(denial)) = flow else { panic!("{flow:?}") };
        assert_eq!((denial.status, &*denial.message), (403, message));
        let headers = denial.headers.unwrap();
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
        assert!(!headers.contains_key("content-length"), "framing is the gateway's");
    }
}

#[tokio::test]
async fn answers_are_told_apart_by_who_gave_them() {
    let as_is: Run = |object| passes(object, |object| object.answer = Some(answers(Manner::AsIs, 200, "x")));
    let script: Run =
        |object| passes(object, |object| object.answer = Some(answers(Manner::Script, 200, "x")));
    for (family, kind, run, origin) in [
        (Family::Native, HookKind::Pre, as_is, Origin::Hook),
        (Family::Coprocess, HookKind::Post, as_is, Origin::RichPlugin),
        (Family::Script, HookKind::Pre, script, Origin::Script { edited: false, recorded: false }),
        (Family::Script, HookKind::Auth, script, Origin::Script { edited: false, recorded: false }),
        (Family::Script, HookKind::PostKeyAuth, script, Origin::Script { edited: true, recorded: false }),
        (Family::Script, HookKind::Post, script, Origin::Script { edited: true, recorded: false }),
        (Family::Script, HookKind::Virtual, script, Origin::Script { edited: true, recorded: true }),
        (Family::Coprocess, HookKind::Virtual, as_is, Origin::Script { edited: true, recorded: true }),
    ] {
        let (_, flow) = first(&call_of(family, kind, run)).await;
        let Ok(Flow::Respond(response)) = flow else { panic!("{flow:?}") };
        assert_eq!(response.origin, origin, "{family:?} {kind}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_nothing_is_a_fault() {
    let early: Run =
        |object| passes(object, |object| object.answer = Some(answers(Manner::Script, 103, "x")));
    let (_, flow) = first(&call_of(Family::Script, HookKind::Pre, early)).await;
    assert_eq!(fault(flow).0, 500);
}

#[tokio::test]
async fn a_redirect_to_an_api_of_the_gateway_is_a_loop() {
    let moves: Run = |object| {
        passes(object, |object| {
            let mut answer = answers(Manner::Script, 302, "");
            answer.headers.insert("location", "tyk://other/y?a=1".parse().unwrap());
            object.answer = Some(answer);
        })
    };
    for kind in [HookKind::Post, HookKind::Virtual] {
        let (request, flow) = first(&call_of(Family::Script, kind, moves)).await;
        assert!(passed(&flow));
        assert_eq!(request.rewritten().as_deref(), Some("tyk://other/y?a=1"));
    }
}

#[tokio::test]
async fn failures_have_the_words_of_their_family() {
    const VIRTUAL: &str = "Error during virtual endpoint execution. Contact Administrator for more details.";
    let fails: Run = |object| Err(Failure::new(HookError::Failed { name: "F".into(), code: -1 }, object));
    for (family, kind, status, message) in [
        (Family::Native, HookKind::Post, 500, "Internal Server Error"),
        (Family::Script, HookKind::Post, 500, "Internal Server Error"),
        (Family::Coprocess, HookKind::Post, 500, "Middleware error"),
        (Family::Coprocess, HookKind::Auth, 403, "Key not authorised"),
        (Family::Native, HookKind::Virtual, 500, VIRTUAL),
        (Family::Script, HookKind::Virtual, 500, VIRTUAL),
        (Family::Coprocess, HookKind::Virtual, 500, VIRTUAL),
    ] {
        let (request, flow) = first(&call_of(family, kind, fails)).await;
        assert_eq!(fault(flow), (status, message.to_owned()), "{family:?} {kind}");
        assert_eq!(request.header("x-in"), ["1"]);
    }
    let (_, flow) = first(&call_of(Family::Script, HookKind::Virtual, Ok)).await;
    assert_eq!(fault(flow), (500, VIRTUAL.to_owned()), "no answer is a failure");
}

#[tokio::test]
async fn a_virtual_endpoint_that_fails_leaves_the_request_as_it_was() {
    let fails: Run = |mut object| {
        object.request.insert_header("x-in", "edited").unwrap();
        object.url.set_query("q=edited");
        object.metadata.insert("seen".into(), "no".into());
        Err(Failure::new(HookError::Failed { name: "F".into(), code: -1 }, object))
    };
    let (request, flow) = first(&call_of(Family::Script, HookKind::Virtual, fails)).await;
    assert_eq!(fault(flow).0, 500);
    assert_eq!((request.header("x-in"), request.ctx.url.to_string().as_str()), (vec!["1"], "/app/x?q=1"));
    assert!(request.ctx.metadata.is_none());
}
