"""Rules about the content of files, in AWS Glue's Data Quality Definition Language (DQDL): read and checked before they are deployed."""
