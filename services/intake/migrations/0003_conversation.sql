-- Under which name the channel knows the talk with the reporter; null: there is nobody to tell.
ALTER TABLE complaints ADD COLUMN conversation text;
