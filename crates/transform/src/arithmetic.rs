//! `+ - * / %` as jq has them, with exact numbers.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::Error;
use jaq_core::ops::Math;
use jaq_core::val::ValR;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::meter::{charge, charge_text};
use crate::val::{Kind, Val};

impl Add for Val {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> Self::Output {
        charge(1);
        let place = self.place.and(other.place);
        match (self.kind, other.kind) {
            (Kind::Null(_), kind) => Ok(Self::new(kind, other.place)),
            (kind, Kind::Null(_)) => Ok(Self::new(kind, self.place)),
            (Kind::Number(one), Kind::Number(other)) => number(one.checked_add(other), place),
            (Kind::Text(one), Kind::Text(other)) => {
                charge_text(one.len() + other.len());
                Ok(Self::new(Kind::Text([&*one, &*other].concat().into()), place))
            }
            (Kind::Array(one), Kind::Array(other)) => {
                Ok(Self::array(one.elements.iter().chain(&other.elements).cloned(), place))
            }
            (Kind::Object(mut one), Kind::Object(other)) => {
                let copied = if Rc::strong_count(&one) > 1 { one.members.len() } else { 0 };
                charge((copied + other.members.len()) as u64);
                let merged = Rc::make_mut(&mut one);
                for (key, value) in &other.members {
                    merged.insert(Rc::clone(key), value.clone());
                }
                Ok(Self::new(Kind::Object(one), place))
            }
            (one, two) => {
                Err(Error::math(Self::new(one, self.place), Math::Add, Self::new(two, other.place)))
            }
        }
    }
}

impl Sub for Val {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> Self::Output {
        charge(1);
        let place = self.place.and(other.place);
        match (&self.kind, &other.kind) {
            (Kind::Number(one), Kind::Number(other)) => number(one.checked_sub(*other), place),
            (Kind::Array(one), Kind::Array(other)) => {
                let kept = one.elements.iter().filter(|element| !other.elements.contains(element));
                Ok(Self::array(kept.cloned(), place))
            }
            _ => Err(Error::math(self, Math::Sub, other)),
        }
    }
}

impl Mul for Val {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> Self::Output {
        charge(1);
        let place = self.place.and(other.place);
        match (&self.kind, &other.kind) {
            (Kind::Number(one), Kind::Number(other)) => number(one.checked_mul(*other), place),
            (Kind::Text(text), Kind::Number(count)) | (Kind::Number(count), Kind::Text(text)) => {
                if *count <= Decimal::ZERO {
                    return Ok(Self::NULL);
                }
                let count = count.ceil().to_usize().unwrap_or(usize::MAX);
                charge_text(text.len().saturating_mul(count));
                Ok(Self::new(Kind::Text(text.repeat(count).into()), place))
            }
            (Kind::Object(_), Kind::Object(_)) => merged(self, other),
            _ => Err(Error::math(self, Math::Mul, other)),
        }
    }
}

/// Objects merged level by level.
fn merged(one: Val, other: Val) -> ValR<Val> {
    let place = one.place.and(other.place);
    match (one.kind, other.kind) {
        (Kind::Object(mut one), Kind::Object(other)) => {
            charge((one.members.len() + other.members.len()) as u64);
            let target = Rc::make_mut(&mut one);
            for (key, value) in &other.members {
                let value = match target.members.get(key) {
                    Some(old) => merged(old.clone(), value.clone())?,
                    None => value.clone(),
                };
                target.insert(Rc::clone(key), value);
            }
            Ok(Val::new(Kind::Object(one), place))
        }
        (_, kind) => Ok(Val::new(kind, other.place)),
    }
}

impl Div for Val {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> Self::Output {
        charge(1);
        let place = self.place.and(other.place);
        match (&self.kind, &other.kind) {
            (Kind::Number(_), Kind::Number(zero)) if zero.is_zero() => {
                Err(Error::str(format!("cannot divide {self} by zero")))
            }
            (Kind::Number(one), Kind::Number(other)) => number(one.checked_div(*other), place),
            (Kind::Text(text), Kind::Text(separator)) => {
                charge_text(text.len());
                let parts: Vec<&str> = match &**separator {
                    "" => text.char_indices().map(|(at, sign)| &text[at..at + sign.len_utf8()]).collect(),
                    _ if text.is_empty() => Vec::new(),
                    separator => text.split(separator).collect(),
                };
                Ok(Self::array(parts.into_iter().map(|part| Self::text(part, self.place)), self.place))
            }
            _ => Err(Error::math(self, Math::Div, other)),
        }
    }
}

impl Rem for Val {
    type Output = ValR<Self>;

    fn rem(self, other: Self) -> Self::Output {
        charge(1);
        let place = self.place.and(other.place);
        match (&self.kind, &other.kind) {
            (Kind::Number(one), Kind::Number(divisor)) => {
                let (one, divisor) = (one.trunc(), divisor.trunc());
                if divisor.is_zero() {
                    return Err(Error::str(format!("cannot divide {self} by zero")));
                }
                number(one.checked_rem(divisor), place)
            }
            _ => Err(Error::math(self, Math::Rem, other)),
        }
    }
}

impl Neg for Val {
    type Output = ValR<Self>;

    fn neg(self) -> Self::Output {
        Ok(Self::number(-self.as_number()?, self.place))
    }
}

fn number(result: Option<Decimal>, place: crate::place::Place) -> ValR<Val> {
    result
        .map(|number| Val::number(number, place))
        .ok_or_else(|| Error::str("a result has more than 28 digits"))
}
