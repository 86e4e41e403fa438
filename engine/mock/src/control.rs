//! The handle by which a program changes a running provider and reads its books.

use std::sync::Arc;

use crate::books::Books;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::state::State;

/// A handle on a running provider; clones are the same provider.
#[derive(Debug, Clone)]
pub struct Control {
    state: Arc<State>,
}

impl Control {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.options.name
    }

    /// What is wrong at present; `times` is what is left of it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.state.fault()
    }

    /// Makes something wrong, in place of what was.
    pub fn set_fault(&self, fault: Fault) {
        self.state.set_fault(fault);
    }

    /// Mends everything.
    pub fn clear_fault(&self) {
        self.state.set_fault(Fault::default());
    }

    /// Answers with this until further notice.
    pub fn set_reply(&self, reply: Reply) {
        self.state.set_reply(Some(reply));
    }

    /// Goes back to made-up text.
    pub fn clear_reply(&self) {
        self.state.set_reply(None);
    }

    /// The books as they stand.
    #[must_use]
    pub fn books(&self) -> Books {
        self.state.books.borrow().clone()
    }

    /// Waits until the books satisfy `reached`, and gives them.
    pub async fn books_when(&self, reached: impl FnMut(&Books) -> bool) -> Books {
        let mut books = self.state.books.subscribe();
        match books.wait_for(reached).await {
            Ok(books) => books.clone(),
            // The sender lives in the state this handle holds.
            Err(_) => self.books(),
        }
    }
}
