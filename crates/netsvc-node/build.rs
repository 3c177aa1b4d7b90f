//! Link arguments of a Node-API addon; among them `-z nodelete`, which pins the image.

fn main() {
    napi_build::setup();
}
