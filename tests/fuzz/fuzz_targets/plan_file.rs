//! Any bytes as a saved plan, as they are and with a digest that nothing in them could have: what is read is read again
//! to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall::model::Names;
use rollcall::plan;
use rollcall::rules::Rules;

fuzz_target!(|bytes: &[u8]| {
    let rules = Rules::built_in("default").expect("a built-in rule set");
    if let Ok(saved) = plan::read_file(bytes, &mut Names::new(), &rules) {
        let again = plan::read_file(bytes, &mut Names::new(), &rules).expect("it was read before");
        assert_eq!((saved.digest, saved.actions.len()), (again.digest, again.actions.len()));
    }
});
