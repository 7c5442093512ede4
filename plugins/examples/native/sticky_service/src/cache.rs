//! What the service said, for a while. Bounded: clients choose the keys, so they must not be able to fill memory.

use std::{collections::HashMap, time::Instant};

#[derive(Default)]
pub struct Cache {
    entries: HashMap<String, Entry>,
}

struct Entry {
    /// `None`: the service knows no address for this key.
    address: Option<String>,
    until: Instant,
}

impl Cache {
    /// What is known about `key` and still holds.
    pub fn fresh(&self, key: &str, now: Instant) -> Option<Option<String>> {
        self.entries.get(key).filter(|entry| entry.until > now).map(|entry| entry.address.clone())
    }

    /// Keeps an answer. With no room left, outdated answers go first; if there are none, this one is not kept.
    pub fn put(&mut self, key: String, address: Option<String>, until: Instant, max: usize) {
        if self.entries.len() >= max && !self.entries.contains_key(&key) {
            let now = Instant::now();
            self.entries.retain(|_, entry| entry.until > now);
            if self.entries.len() >= max {
                return;
            }
        }
        self.entries.insert(key, Entry { address, until });
    }

    /// Makes the last answer, outdated as it is, hold until `until`, and returns it.
    pub fn keep_stale(&mut self, key: String, until: Instant, max: usize) -> Option<String> {
        let stale = self.entries.get(&key).and_then(|entry| entry.address.clone());
        self.put(key, stale.clone(), until, max);
        stale
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_answer_holds_until_its_time_and_can_be_stretched() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        let later = now + Duration::from_secs(10);
        cache.put("a".into(), address("x"), later, 10);
        assert_eq!(cache.fresh("a", now), Some(address("x")));
        assert_eq!(cache.fresh("a", later), None);
        assert_eq!(cache.keep_stale("a".into(), later + Duration::from_secs(1), 10), address("x"));
        assert_eq!(cache.fresh("a", later), Some(address("x")));
    }

    #[test]
    fn it_never_grows_over_its_bound() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        for key in 0..100 {
            cache.put(key.to_string(), None, now + Duration::from_secs(60), 10);
        }
        assert_eq!(cache.entries.len(), 10);
        assert_eq!(cache.fresh("0", now), Some(None), "what holds is not pushed out");
    }

    #[test]
    fn outdated_answers_make_room() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.put("old".into(), None, now, 1);
        cache.put("new".into(), address("x"), now + Duration::from_secs(60), 1);
        assert_eq!(cache.fresh("new", now), Some(address("x")));
    }
}
