//! The pipelines of the examples, the image and the hooks: checked by linters, and their shell steps run.

mod github;
mod gitlab;
mod image;
mod linted;
mod pipeline;
