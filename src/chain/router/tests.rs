use proptest::prelude::*;

use super::*;

fn route(api_id: &str, listen_path: &str) -> Route<String> {
    Route {
        api_id: api_id.into(),
        listen_path: ListenPath::compile(listen_path).unwrap(),
        domain: String::new(),
        port: 0,
        internal: false,
        value: api_id.into(),
    }
}

fn at(domain: &str, route: Route<String>) -> Route<String> {
    Route { domain: domain.into(), ..route }
}

fn router(routes: Vec<Route<String>>, options: &RouterOptions) -> Router<String> {
    let (router, problems) = Router::new(routes, options);
    assert_eq!(problems, []);
    router
}

fn find<'a>(router: &'a Router<String>, host: &str, path: &str) -> &'a str {
    router.find(0, host, path).map_or("", String::as_str)
}

#[test]
fn the_longest_listen_path_wins_whatever_the_order() {
    let routes = vec![route("s1", "/s"), route("s2", "/s/long/er"), route("s3", "/s/long")];
    let router = router(routes, &RouterOptions::default());
    for (path, api) in
        [("/s/x", "s1"), ("/s/long/x", "s3"), ("/s/long/er", "s2"), ("/sx", "s1"), ("/", ""), ("", "")]
    {
        assert_eq!(find(&router, "h", path), api, "{path}");
    }
}

#[test]
fn a_prefix_is_textual_and_a_trailing_slash_counts() {
    let router = router(vec![route("a", "/app"), route("b", "/r6/")], &RouterOptions::default());
    for (path, api) in
        [("/app", "a"), ("/apple", "a"), ("/ap", ""), ("/r6", ""), ("/r6/", "b"), ("/r6x", ""), ("/APP", "")]
    {
        assert_eq!(find(&router, "h", path), api, "{path}");
    }
}

#[test]
fn every_api_answers_below_its_id() {
    let router = router(vec![route("myapi", "/w1/"), route("w1x", "/myapi/y/")], &RouterOptions::default());
    assert_eq!(find(&router, "h", "/myapi/get"), "myapi");
    assert_eq!(find(&router, "h", "/myapi/y/get"), "w1x", "registered first, being longer");
    assert_eq!(find(&router, "h", "/myapi"), "");
}

#[test]
fn a_fixed_path_comes_before_a_parameter() {
    let routes = vec![route("u1", "/u/{id}/end"), route("u2", "/u/fixed/end"), route("t", "/t/{id:[0-9]+}")];
    let router = router(routes, &RouterOptions::default());
    assert_eq!(find(&router, "h", "/u/fixed/end"), "u2");
    assert_eq!(find(&router, "h", "/u/any/end/x"), "u1");
    assert_eq!(find(&router, "h", "/t/12"), "t");
    assert_eq!(find(&router, "h", "/t/abc"), "t", "through /<api_id>/");
    assert_eq!(find(&router, "h", "/u/a/b/end"), "");
}

#[test]
fn a_parameter_route_may_come_before_a_plain_one() {
    let routes = vec![route("plain", "/a"), route("param", "/a/{id}/long")];
    let router = router(routes, &RouterOptions::default());
    assert_eq!(find(&router, "h", "/a/1/long"), "param");
    assert_eq!(find(&router, "h", "/a/1/short"), "plain");
}

#[test]
fn domains_bind_when_they_are_on() {
    let routes = || {
        vec![
            at("a.example", route("y1", "/y/")),
            at("b.example", route("y2", "/y/")),
            at("{sub}.example.test", route("y4", "/y4/")),
            at("{sub:[a-c]+}.ex.test", route("y5", "/y5/")),
            at("p.example:81", route("y6", "/p/")),
            route("any", "/y/longer"),
        ]
    };
    let on = RouterOptions { custom_domains: true, ..RouterOptions::default() };
    let bound = router(routes(), &on);
    for (host, path, api) in [
        ("a.example", "/y/1", "y1"),
        ("a.example:8080", "/y/1", "y1"),
        ("b.example", "/y/1", "y2"),
        ("c.example", "/y/1", ""),
        ("A.example", "/y/1", ""),
        ("b.example", "/y/longer", "y2"),
        ("c.example", "/y/longer", "any"),
        ("b.example", "/y2/x", "y2"),
        ("c.example", "/y2/x", ""),
        ("foo.example.test", "/y4/1", "y4"),
        ("foo.example.test:80", "/y4/1", "y4"),
        ("foo.bar.example.test", "/y4/1", ""),
        ("abc.ex.test", "/y5/1", "y5"),
        ("xyz.ex.test", "/y5/1", ""),
        ("p.example:81", "/p/", "y6"),
        ("p.example", "/p/", ""),
    ] {
        assert_eq!(find(&bound, host, path), api, "{host} {path}");
    }
    let free = router(routes(), &RouterOptions::default());
    assert_eq!(find(&free, "zzz.example", "/y/1"), "y1", "without domains the first of equals wins");
}

#[test]
fn the_hostname_binds_every_api_without_a_domain() {
    let options =
        RouterOptions { hostname: "gw.example".into(), custom_domains: true, ..RouterOptions::default() };
    let router = router(vec![route("y9", "/y9/"), at("own.example", route("o", "/o/"))], &options);
    assert_eq!(find(&router, "gw.example:8080", "/y9/1"), "y9");
    assert_eq!(find(&router, "other.example", "/y9/1"), "");
    assert_eq!(find(&router, "own.example", "/o/"), "o");
    assert_eq!(find(&router, "gw.example", "/o/"), "");
}

#[test]
fn a_domain_of_its_own_comes_before_the_same_hostname() {
    let options = RouterOptions { hostname: "gw".into(), custom_domains: true, ..RouterOptions::default() };
    let router = router(vec![route("long", "/apple"), at("gw", route("short", "/app"))], &options);
    assert_eq!(find(&router, "gw", "/apple"), "short");
}

#[test]
fn long_listen_paths_work() {
    let tail = "x".repeat(70);
    let routes = vec![route("tail", &format!("/{tail}")), route("folder", &format!("/a/{tail}/{tail}/"))];
    let router = router(routes, &RouterOptions::default());
    assert_eq!(find(&router, "h", &format!("/{tail}y")), "tail");
    assert_eq!(find(&router, "h", &format!("/a/{tail}/{tail}/y")), "folder");
    assert_eq!(find(&router, "h", &format!("/a/{tail}/{tail}")), "");
}

#[test]
fn strict_routes_do_not_try_the_next_api() {
    let options = RouterOptions { strict_routes: true, ..RouterOptions::default() };
    let routes = vec![route("r9", "/r9"), route("r0", "/"), route("rp", "/p/{id}x"), route("rs", "/s/")];
    let strict = router(routes, &options);
    for (path, api) in [
        ("/r9", "r9"),
        ("/r9/x", "r9"),
        ("/r9x", ""),
        ("/r9x/r9/", ""),
        ("/other", "r0"),
        ("/p/1xy", "rp"),
        ("/s/y", "rs"),
        ("/r0/r9x", "r0"),
    ] {
        assert_eq!(find(&strict, "h", path), api, "{path}");
    }
    let options = RouterOptions { custom_domains: true, ..options };
    let templated = router(vec![at("{x}.d", route("a", "/app")), route("b", "/")], &options);
    assert_eq!(find(&templated, "h.d", "/apple"), "");
    assert_eq!(find(&templated, "h.d", "/app/le"), "a");
    assert_eq!(find(&templated, "h.e", "/apple"), "b");
}

#[test]
fn internal_apis_have_no_route_and_ports_are_apart() {
    let routes = vec![
        Route { internal: true, ..route("in", "/in/") },
        Route { port: 9000, ..route("other", "/o/") },
        Route { port: 8080, ..route("named", "/n/") },
        route("main", "/"),
    ];
    let options = RouterOptions { gateway_port: 8080, ..RouterOptions::default() };
    let router = router(routes, &options);
    assert_eq!(find(&router, "h", "/in/x"), "main");
    assert_eq!(router.find(9000, "h", "/o/x").unwrap(), "other");
    assert_eq!(router.find(9000, "h", "/x"), None);
    assert_eq!(router.find(9001, "h", "/"), None);
    assert_eq!(router.find(8080, "h", "/n/x").unwrap(), "named");
    assert_eq!(router.ports().collect::<Vec<_>>(), [9000]);
}

#[test]
fn a_domain_that_matches_nothing_is_reported_and_left_out() {
    let options = RouterOptions { custom_domains: true, ..RouterOptions::default() };
    let (router, problems) = Router::new(vec![at("{x", route("bad", "/b/")), route("good", "/")], &options);
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].place.as_str(), problems[0].path.as_str()), ("bad", "domain"));
    assert_eq!(find(&router, "{x", "/b/"), "good");
}

fn claim(api_id: &str, domain: &str, listen_path: &str) -> Claim {
    Claim { api_id: api_id.into(), domain: domain.into(), listen_path: listen_path.into() }
}

fn settled(mut claims: Vec<Claim>, running: &[(&str, &str)]) -> (Vec<String>, usize) {
    let running = running.iter().map(|(id, path)| ((*id).into(), (*path).into())).collect();
    let problems = resolve_conflicts(&mut claims, &running);
    (claims.into_iter().map(|claim| claim.listen_path).collect(), problems.len())
}

#[test]
fn on_a_cold_start_all_that_collide_move() {
    let claims = vec![claim("dupa", "", "/dup/"), claim("dupb", "", "/dup/"), claim("c", "", "/c/")];
    assert_eq!(settled(claims, &[]), (vec!["/dup/-dupa".into(), "/dup/-dupb".into(), "/c/".into()], 2));
}

#[test]
fn an_incumbent_keeps_its_path() {
    let claims = || vec![claim("a", "", "/x"), claim("b", "", "/x")];
    assert_eq!(settled(claims(), &[("b", "/x")]), (vec!["/x-a".into(), "/x".into()], 1));
    assert_eq!(settled(claims(), &[("b", "/x-b")]).1, 2);
}

#[test]
fn a_renamed_path_must_be_free_and_domains_keep_apart() {
    let claims =
        vec![claim("a", "", "/x"), claim("b", "", "/x"), claim("c", "", "/x-a"), claim("d", "d", "/x")];
    let expected = ["/x-a_", "/x-b", "/x-a", "/x"].map(String::from).to_vec();
    assert_eq!(settled(claims, &[]), (expected, 2));
    assert_eq!(settled(vec![claim("a", "", ""), claim("b", "", "")], &[]).1, 0);
}

/// Tries one route after the other, as the peer does.
struct Naive<'a> {
    routes: Vec<(&'a Route<String>, Option<Domain>)>,
    strict: bool,
}

impl<'a> Naive<'a> {
    fn new(routes: &'a [Route<String>], options: &RouterOptions) -> Self {
        let own = |route: &Route<String>| options.custom_domains && !route.domain.is_empty();
        let mut sorted: Vec<_> = routes.iter().collect();
        sorted.sort_by_key(|route| (!own(route), Reverse(route.listen_path.sort_length())));
        let domain = |route: &Route<String>| {
            let text = if own(route) { &route.domain } else { &options.hostname };
            (!text.is_empty()).then(|| Domain::compile(text).unwrap())
        };
        let routes = sorted.into_iter().map(|route| (route, domain(route))).collect();
        Self { routes, strict: options.strict_routes }
    }

    fn find(&self, host: &str, path: &str) -> Option<&'a str> {
        for (route, domain) in &self.routes {
            if domain.as_ref().is_some_and(|domain| !domain.matches(host)) {
                continue;
            }
            if path.starts_with(&format!("/{}/", route.api_id)) {
                return Some(&route.value);
            }
            let text = route.listen_path.as_str();
            if let Some(template) = route.listen_path.template() {
                if template.is_match(path) {
                    return Some(&route.value);
                }
            } else if let Some(rest) = path.strip_prefix(text) {
                let ends = text.ends_with('/') || rest.is_empty() || rest.starts_with('/');
                return (ends || !self.strict).then_some(&*route.value);
            }
        }
        None
    }
}

fn some_path() -> impl Strategy<Value = String> {
    prop_oneof![4 => "(/[ab]{0,2}){1,5}/?", 1 => "/(aaaaaaa/|b){0,20}", 1 => "/é?[ab]{60,70}/?a?"]
}

fn some_route() -> impl Strategy<Value = Route<String>> {
    let path = prop_oneof![6 => some_path(), 1 => "/a?/\\{x\\}(/b)?", 1 => Just("/{x:[a]+}b".to_owned())];
    let domain = prop_oneof![3 => Just(""), 1 => Just("h.a"), 1 => Just("{x}.a"), 1 => Just("h.a:1")];
    (path, domain, "[ab]{1,2}").prop_map(|(path, domain, id)| at(domain, route(&id, &path)))
}

proptest! {
    // Each case compiles dozens of regular expressions.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_router_agrees_with_trying_one_after_the_other(
        mut routes in proptest::collection::vec(some_route(), 0..24),
        paths in proptest::collection::vec(some_path(), 1..12),
        (custom_domains, strict_routes) in any::<(bool, bool)>(),
        hostname in prop_oneof![4 => Just(""), 1 => Just("h.a"), 1 => Just("{y:[g-i]}.a")],
        host in prop_oneof![Just("h.a"), Just("h.a:1"), Just("z.a:2"), Just("z")],
    ) {
        for (at, route) in routes.iter_mut().enumerate() {
            route.value = format!("{at}");
        }
        let options =
            RouterOptions { custom_domains, strict_routes, hostname: hostname.into(), gateway_port: 8080 };
        let router = router(routes.clone(), &options);
        let naive = Naive::new(&routes, &options);
        for path in paths.iter().chain(routes.iter().map(|route| &route.api_id)) {
            for path in [path.clone(), format!("/{path}/"), format!("{path}/a/b")] {
                let found = router.find(0, host, &path).map(String::as_str);
                prop_assert_eq!(found, naive.find(host, &path), "{}", path);
            }
        }
    }
}
