//! What the engine is given: values of ours, no data of its own, and a step counted for each look at the filter.

use jaq_core::compile::Lut;
use jaq_core::{DataT, Native, data};

use crate::meter::step;
use crate::val::Val;

/// What a filter works with: values of ours, and no data but the compiled filter.
pub(crate) struct Jq;

/// The compiled filter. Each look at it is a step.
#[derive(Clone, Copy)]
pub(crate) struct Compiled<'a>(pub(crate) &'a Lut<Native<Jq>>);

impl DataT for Jq {
    type V<'a> = Val;
    type Data<'a> = Compiled<'a>;
}

impl<'a> data::HasLut<'a, Jq> for Compiled<'a> {
    fn lut(&self) -> &'a Lut<Native<Jq>> {
        step();
        self.0
    }
}
