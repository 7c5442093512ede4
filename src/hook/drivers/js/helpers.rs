//! The functions that scripts find in the global object (plugins reference 6.6), and the call that they belong to.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use super::{
    super::script::{GatewayApi, Level, NO_WAITING, Run},
    fault::Done,
};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rquickjs::{Coerced, Ctx, Function, Object as JsObject, object::Property};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING.with_encode_padding(false));

/// The running call, as helpers see it.
pub(super) struct State {
    /// When it is stopped; nothing while none runs.
    deadline: Cell<Option<Instant>>,
    out_of_time: Cell<bool>,
    lines: RefCell<Vec<(Level, String)>>,
    gateway: RefCell<Option<GatewayApi>>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            deadline: Cell::new(None),
            out_of_time: Cell::new(false),
            lines: RefCell::default(),
            gateway: RefCell::default(),
        }
    }

    /// A call begins, with the gateway where it may wait for it.
    pub(super) fn begin(&self, deadline: Instant, gateway: Option<GatewayApi>) {
        self.deadline.set(Some(deadline));
        self.out_of_time.set(false);
        self.gateway.replace(gateway);
    }

    /// It has ended: what it logged is handed over.
    pub(super) fn end(&self, run: &Run<'_>) {
        self.deadline.set(None);
        self.gateway.take();
        for (level, text) in self.lines.take() {
            run.log(level, text);
        }
    }

    /// Its time is up.
    pub(super) fn is_over(&self) -> bool {
        let over = self.deadline.get().is_some_and(|deadline| Instant::now() >= deadline);
        if over {
            self.out_of_time.set(true);
        }
        over
    }

    /// It was stopped because its time was up.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.out_of_time.get()
    }

    /// Asks the gateway.
    ///
    /// # Errors
    /// This call may not wait, and what the gateway says.
    pub(super) fn with_gateway<T>(
        &self,
        what: impl FnOnce(&GatewayApi) -> Result<T, String>,
    ) -> Result<T, String> {
        match &*self.gateway.borrow() {
            Some(gateway) => what(gateway),
            None => Err(NO_WAITING.to_owned()),
        }
    }

    fn log(&self, level: Level, text: Coerced<String>) {
        self.lines.borrow_mut().push((level, text.0));
    }
}

/// Puts the helpers into the global object.
pub(super) fn install<'js>(ctx: &Ctx<'js>, globals: &JsObject<'js>, state: &Rc<State>) -> Done<()> {
    let define = |name: &str, function: Function<'js>| {
        globals.prop(name, Property::from(function.with_name(name)?).writable().configurable())
    };
    let own = state.clone();
    define("log", Function::new(ctx.clone(), move |text| own.log(Level::Info, text))?)?;
    let own = state.clone();
    define("rawlog", Function::new(ctx.clone(), move |text| own.log(Level::Raw, text))?)?;
    define("b64enc", Function::new(ctx.clone(), |text: Coerced<String>| PADDED.encode(text.0))?)?;
    define("rawb64enc", Function::new(ctx.clone(), |text: Coerced<String>| UNPADDED.encode(text.0))?)?;
    define("b64dec", Function::new(ctx.clone(), decode)?)?;
    define("rawb64dec", Function::new(ctx.clone(), decode)?)?;
    Ok(())
}

/// What base64 means, as a text; nothing if it is none.
fn decode(text: Coerced<String>) -> Option<String> {
    let bytes = PADDED.decode(text.0).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
