mod charts;
mod publish;
